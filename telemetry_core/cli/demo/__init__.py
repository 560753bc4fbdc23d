"""`telemetry demo`: the command, and the programs that it lets run."""
