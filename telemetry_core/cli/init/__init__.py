"""`telemetry init`: the command, and the text of the file it writes."""
