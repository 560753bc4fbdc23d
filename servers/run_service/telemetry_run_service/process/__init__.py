"""The process: what it needs before it serves, and how it runs and ends."""
