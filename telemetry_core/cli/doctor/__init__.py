"""`telemetry doctor`: the command, a module for each subject, and the round from one to the next."""
