"""What `telemetry doctor` looks at: a file for each subject, and who calls them in turn."""
