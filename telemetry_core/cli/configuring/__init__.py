"""What `telemetry config` stands on: reading, checking and editing the file line by line."""
