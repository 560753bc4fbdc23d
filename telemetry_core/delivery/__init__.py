"""The way of a record from the caller's thread into the spool and out of it to every sink."""
