"""The care of the database: each piece of work by itself, without a word on the screen."""
