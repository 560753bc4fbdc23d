"""The command line: one file per group of commands, each imported when it is called."""

from __future__ import annotations


def main() -> None:
    """Run the command that the program's arguments name; the script `telemetry`."""
    from telemetry_core.cli.app import telemetry

    telemetry(prog_name="telemetry")
