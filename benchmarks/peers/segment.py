"""Segment's client: `track`, in batches of 100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.contender import Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "Segment"
REQUIREMENTS = ("segment-analytics-python==2.4.0",)


def begin(url: str, _directory: str, room: int | None) -> Contender:
    """Begin with a write key and a host."""
    from segment.analytics.client import Client

    settings = {} if room is None else {"max_queue_size": room}
    client = Client("write-key", host=url, **settings)

    def tell(properties: Properties) -> None:
        client.track("user-1", EVENT, properties)

    return Contender(tell, client.flush, client.shutdown)
