"""The bodies of requests: what fits into one, and how it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from telemetry_core import tolerant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry_core import Record

    Item = tuple[Record, bytes]  # and the JSON of the event that it is

LARGEST_EVENT = 900 * 1024
LARGEST_BATCH = 5 * 1024 * 1024
MOST_EVENTS = 100

_write = msgspec.json.encode


def encoded(message: dict[str, Any]) -> bytes:
    """Return an event as JSON, NaN and infinities as null; never raises."""
    try:
        return _write(message)
    except Exception:  # half surrogates, a key of no type, an object: nothing the spool holds
        return _write(tolerant(message))


def bodies(items: Iterable[Item], most: int = MOST_EVENTS) -> Iterator[list[Item]]:
    """Give the events in portions that PostHog takes in one request."""
    portion: list[Item] = []
    size = 0
    for item in items:
        length = len(item[1])
        if portion and (len(portion) == most or size + length > LARGEST_BATCH):
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += length + 1
    if portion:
        yield portion


def of_many(items: Iterable[Item], *, key: str, sent_at: str, historical: bool) -> bytes:
    """Return the body that brings several events."""
    events = b",".join([content for _, content in items])
    rest = {"historical_migration": historical, "sent_at": sent_at, "api_key": key}
    return b'{"batch":[%b],%b' % (events, _write(rest)[1:])


def of_one(content: bytes, *, key: str, sent_at: str) -> bytes:
    """Return the body that brings a single event, whose keys stand beside ours."""
    return b"%b,%b" % (content[:-1], _write({"sent_at": sent_at, "api_key": key})[1:])
