"""Ours, with the default sinks, telling runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import ours, ours_local
from benchmarks.peers.contender import ALL_DELIVERED, Contender

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = ours_local.NAME
REQUIREMENTS = ours.REQUIREMENTS


def begin(_url: str, directory: str, _room: int | None) -> Contender:
    """Begin with SQLite and NDJSON, as without a configuration."""
    client = ours.client_in(directory, active=("sqlite", "ndjson"))

    def tell(_properties: Properties) -> None:
        client.end_run(client.start_run("crawler", "crawl"))

    return Contender(tell, lambda: client.flush(ALL_DELIVERED), client.close)
