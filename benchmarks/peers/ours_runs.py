"""Ours, with the default sinks, telling runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.contender import ALL_DELIVERED, Contender

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "**ours**, default (SQLite and NDJSON)"
REQUIREMENTS = ()


def begin(_url: str, directory: str, _room: int | None) -> Contender:
    """Begin with SQLite and NDJSON, as without a configuration."""
    from telemetry_core import TelemetryClient, TelemetryConfig

    config = TelemetryConfig(base_dir=Path(directory, "base"), active=("sqlite", "ndjson"))
    client = TelemetryClient(config)

    def tell(_properties: Properties) -> None:
        client.end_run(client.start_run("crawler", "crawl"))

    return Contender(tell, lambda: client.flush(ALL_DELIVERED), client.close)
