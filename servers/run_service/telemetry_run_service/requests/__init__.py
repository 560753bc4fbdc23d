"""What comes in: how a request is read, and what it may say."""
