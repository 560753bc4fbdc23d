"""The commands of telemetry-raxe, one file each."""
