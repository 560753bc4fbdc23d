"""`telemetry config`: a module for each command, and what reads, checks and edits the file."""
