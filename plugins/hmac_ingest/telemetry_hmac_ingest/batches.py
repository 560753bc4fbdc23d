"""What fits into one request, and how it is written: the events, then what each attempt adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from telemetry_core import Rejection, tolerant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry_core import Record

MOST_EVENTS = 1000
LARGEST_BODY = 5 * 1024 * 1024

_ADDED = 256  # at most, to an event by an attempt; the braces and commas of a body are in it
_LARGEST_EVENT = LARGEST_BODY - 2 * _ADDED
_LONGEST_NAME = 100
_MOST_LEVELS = 100  # servers read 128, of which the event itself takes some
_NUL = b"\\u0000"  # no database keeps it

_write = msgspec.json.encode


class Item(NamedTuple):
    """A record, the id of the event that it is, and its JSON without what each attempt adds."""

    record: Record
    event_id: str
    content: bytes


def item_of(record: Record, event: dict[str, Any]) -> Item | Rejection:
    """Return an event as it is sent, or why no server will ever have it; never raises."""
    name = event["event"]["type"]
    if not name or len(name) > _LONGEST_NAME:
        why = f"the name of an event has 1 to {_LONGEST_NAME} letters; this has {len(name)}"
        return Rejection("invalid_name", why, certain=True)
    content = _encoded(event)
    if len(content) > _LARGEST_EVENT:
        why = f"servers take bodies of up to {LARGEST_BODY:,} bytes; this has {len(content):,}"
        return Rejection("too_large", why, certain=True)
    return Item(record, event["event_id"], content)


def portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Give the events as servers take them in one request."""
    portion: list[Item] = []
    size = _ADDED
    for item in items:
        more = len(item.content) + _ADDED
        if portion and (len(portion) == MOST_EVENTS or size + more > LARGEST_BODY):
            yield portion
            portion, size = [], _ADDED
        portion.append(item)
        size += more
    if portion:
        yield portion


def body(items: list[Item], *, sender: str, sent_at: str, attempt: int) -> bytes:
    """Return the body of one attempt."""
    told = {
        "sdk_version": sender[:50],
        "transmission_timestamp": sent_at,
        "batch_size": len(items),
        "retry_count": max(attempt - 1, 0),
    }
    ending = b',"metadata":%b}' % _write(told)
    events = b",".join(item.content[:-1] + ending for item in items)
    return b'{"events":[%b]}' % events


def _encoded(event: dict[str, Any]) -> bytes:
    """Return JSON that databases keep and parsers read: without NUL, and not too deep."""
    try:
        content = _write(event)
    except Exception:  # half surrogates, a key of no type, an object: nothing the spool holds
        content = b""
    if (
        content
        and content.count(b"{") + content.count(b"[") <= _MOST_LEVELS
        and _NUL not in content
    ):
        return content
    plain: dict[str, Any] = _without_nul(tolerant(event, _MOST_LEVELS))
    return _write(plain)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value
