"""`telemetry runs`: a module for each command, and what they have in common."""
