"""The database beside the event loop: one thread writes, a few read, one look serves all listeners."""
