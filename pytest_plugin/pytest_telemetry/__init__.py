"""What tests of programs that use telemetry-core need: a clock, ids, a recorder, a client."""
