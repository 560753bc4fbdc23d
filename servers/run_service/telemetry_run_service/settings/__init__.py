"""What the service is told: every setting, its limits, and where it is read from."""
