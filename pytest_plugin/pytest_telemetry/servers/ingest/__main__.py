"""Runs the fake ingestion server by hand: `python -m pytest_telemetry.servers.ingest --port 8765`."""

from __future__ import annotations

from pytest_telemetry.servers.by_hand import run
from pytest_telemetry.servers.ingest.server import IngestServer

if __name__ == "__main__":
    run(IngestServer())
