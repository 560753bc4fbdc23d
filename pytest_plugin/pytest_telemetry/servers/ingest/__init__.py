"""A fake of the server that telemetry-kit's signed events go to."""
