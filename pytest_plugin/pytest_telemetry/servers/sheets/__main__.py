"""Serves the fake until Ctrl-C: `python -m pytest_telemetry.servers.sheets --port 8765`."""

from __future__ import annotations

from pytest_telemetry.servers.by_hand import run
from pytest_telemetry.servers.sheets.server import SheetsServer

if __name__ == "__main__":
    run(SheetsServer())
