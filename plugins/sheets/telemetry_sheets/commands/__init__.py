"""The commands `telemetry sheets …`, one file each."""
