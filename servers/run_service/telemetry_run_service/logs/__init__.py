"""What the service tells of its work, a line each."""
