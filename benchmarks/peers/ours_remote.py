"""Ours, with one sink that posts over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.contender import ALL_DELIVERED, Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "telemetry, one remote"
REQUIREMENTS = ()


def begin(url: str, directory: str, _room: int | None) -> Contender:
    """Begin with the sink that posts; the spool has room for all."""
    from benchmarks.posting import PostingSink
    from telemetry_core import TelemetryClient, TelemetryConfig

    config = TelemetryConfig(base_dir=Path(directory, "base"), active=())
    client = TelemetryClient(config, plugins=[PostingSink(url)])

    def tell(properties: Properties) -> None:
        client.capture(EVENT, "user-1", properties)

    return Contender(tell, lambda: client.flush(ALL_DELIVERED), client.close)
