"""The commands, each a file that is imported when it is called."""
