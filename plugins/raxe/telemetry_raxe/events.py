"""What an event is on the wire: its id, what it is completed with, and the JSON of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from telemetry_core import derived_id, iso8601, tolerant
from telemetry_raxe.event_types import priority_of
from telemetry_raxe.shipper_errors import ShipperError

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_EVENT = 1024 * 1024

_ID = re.compile(r"evt_[A-Za-z0-9]+")
_ORGANISATION = ("org_id", "team_id")

_write = msgspec.json.encode


class Ready(NamedTuple):
    """An event as it is sent."""

    id: str
    type: str
    content: bytes


def new_event(
    event_type: str,
    payload: Mapping[str, Any],
    *,
    time_ns: int,
    event_id: str | None = None,
    org_id: str | None = None,
    team_id: str | None = None,
) -> dict[str, Any]:
    """Return an event with its priority, under an id of its own unless one is given."""
    event = {
        "event_id": event_id or f"evt_{secrets.token_hex(8)}",
        "event_type": event_type,
        "priority": priority_of(event_type, payload),
        "payload": dict(payload),
        "timestamp": iso8601(time_ns),
        "retry_count": 0,
    }
    organisation = {"org_id": org_id, "team_id": team_id}
    return event | {name: text for name, text in organisation.items() if text is not None}


def wire_id(event_id: str) -> str:
    """Return the id that an event of ours has at RAXE, the same each time."""
    if _ID.fullmatch(event_id):
        return event_id
    plain = event_id.replace("-", "")
    if not (plain.isascii() and plain.isalnum()):
        plain = derived_id(event_id, "raxe event").replace("-", "")
    return f"evt_{plain}"


def completed(event: Mapping[str, Any], time_ns: int) -> dict[str, Any]:
    """Return an event with all that RAXE wants of one; what it says itself stays.

    Raises `ShipperError` for what no event can be made of.
    """
    if not isinstance(event, Mapping):
        raise ShipperError(f"an event is a mapping, not {type(event).__name__}", code="no_event")
    event_type, payload = event.get("event_type"), event.get("payload", {})
    if not isinstance(event_type, str) or not event_type:
        raise ShipperError("an event has no event_type; say which it is", code="no_event")
    if not isinstance(payload, Mapping):
        kind = type(payload).__name__
        raise ShipperError(f"the payload of an event is a mapping, not {kind}", code="no_event")
    return {**new_event(event_type, payload, time_ns=time_ns), **event}


def ready(events: Iterable[Mapping[str, Any]], time_ns: int) -> list[Ready]:
    """Return events as they are sent; raises `ShipperError` for the first that cannot be."""
    return [encoded(completed(event, time_ns)) for event in events]


def encoded(event: Mapping[str, Any]) -> Ready:
    """Return a complete event as JSON; raises `ShipperError` for one that is too large."""
    name = str(event["event_id"])
    try:
        content = _write(event)
    except Exception:  # half surrogates, a key of no type, an object of the program's own
        content = _write(tolerant(event))
    if len(content) > LARGEST_EVENT:
        raise ShipperError(
            f"an event has up to {LARGEST_EVENT:,} bytes; {name} has {len(content):,}",
            code="event_too_large",
        )
    return Ready(name, str(event["event_type"]), content)


def organisation_in(context: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the organisation and team that the context of an event names."""
    said = context or {}
    return {name: said[name] for name in _ORGANISATION if isinstance(said.get(name), str)}
