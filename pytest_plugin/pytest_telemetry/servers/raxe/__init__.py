"""A fake of the RAXE service: what takes telemetry and tells keys what they may, and its console."""
