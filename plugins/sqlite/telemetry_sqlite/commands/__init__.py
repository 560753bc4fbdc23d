"""The commands `telemetry db …`: thin, each imported when it is called; the work is in `care`."""
