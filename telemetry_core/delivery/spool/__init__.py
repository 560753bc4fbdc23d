"""The durable log of records that are not yet delivered to everyone who is owed them."""
