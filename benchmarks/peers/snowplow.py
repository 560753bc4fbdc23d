"""Snowplow's tracker with its asynchronous emitter: self-describing events, ten a request.

Its import turns on two lines of logging a request for the whole program; they are silenced.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from benchmarks.peers.contender import Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "Snowplow"
REQUIREMENTS = ("snowplow-tracker==1.1.0",)
SCHEMA = f"iglu:org.example/{EVENT}/jsonschema/1-0-0"


def begin(url: str, _directory: str, room: int | None) -> Contender:
    """Begin with a tracker and its emitter."""
    from snowplow_tracker import AsyncEmitter, SelfDescribing, SelfDescribingJson, Tracker

    logging.getLogger("snowplow_tracker").setLevel(logging.WARNING)
    emitter = AsyncEmitter(url, protocol="http", buffer_capacity=room)
    tracker = Tracker("crawler", emitter)

    def tell(properties: Properties) -> None:
        tracker.track(SelfDescribing(SelfDescribingJson(SCHEMA, properties)))

    return Contender(tell, tracker.flush, tracker.flush)
