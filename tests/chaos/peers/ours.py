"""Ours, of the shape of the other contenders: an installed plugin that sends, and the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.contender import ALL_DELIVERED, Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "**ours**"
REQUIREMENTS = ()


def begin(url: str, directory: str, _room: int | None) -> Contender:
    """Begin with the sink of the examples, chosen by name as any installed one."""
    from telemetry_core import TelemetryClient, TelemetryConfig

    config = TelemetryConfig(
        base_dir=Path(directory, "telemetry"),
        active=("webhook",),
        plugins={"webhook": {"url": url}},
    )
    client = TelemetryClient(config)

    def tell(properties: Properties) -> None:
        client.capture(EVENT, "user-1", properties)

    return Contender(tell, lambda: client.flush(ALL_DELIVERED), client.close)
