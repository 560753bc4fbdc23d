"""`telemetry spool`: a module for each command."""
