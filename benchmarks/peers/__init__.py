"""The systems that are compared, ours among them, a module each and all of one shape."""
