"""Reads what a client sends: an envelope and the events in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from attrs import define

from pytest_telemetry.servers.messages import Refusal, read_json
from pytest_telemetry.servers.raxe.answers import Refused, invalid, too_large
from pytest_telemetry.servers.raxe.events import is_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.servers.messages import Request
    from pytest_telemetry.servers.raxe.events import Event

_MIB = 1024 * 1024
_PATTERNS = {
    "batch_id": re.compile(r"batch_[a-zA-Z0-9]+"),
    "schema_version": re.compile(r"\d+\.\d+\.\d+"),
    "client_version": re.compile(r"\d+\.\d+\.\d+.*"),
    "installation_id": re.compile(r"inst_[a-zA-Z0-9]+"),
}


@define
class Limits:
    """The most that one request brings; bytes are counted unpacked."""

    events: int = 100
    event_bytes: int = _MIB
    body_bytes: int = 10 * _MIB


@define(frozen=True)
class Batch:
    """What one request brought.

    :ivar key: whose it is.
    :ivar envelope: what stands around the events.
    :ivar events: all of them, those included that were there already or were not taken.
    """

    key: str
    envelope: Mapping[str, Any]
    events: tuple[Event, ...]

    @property
    def id(self) -> str:
        """Return the id that the client gave it."""
        return str(self.envelope["batch_id"])


def read(request: Request, key: str, limits: Limits) -> Batch:
    """Return what a request brings; raises the refusal of what is not as it must be."""
    content = request.content()
    if len(content) > limits.body_bytes:
        raise too_large("batch_too_large", len(content), limits.body_bytes)
    body = _object(content)
    for name, pattern in _PATTERNS.items():
        if not isinstance(body.get(name), str) or not pattern.fullmatch(body[name]):
            raise invalid(name, f"does not match {pattern.pattern}")
    if not is_moment(body.get("sent_at")):
        raise invalid("sent_at", "is no date-time")
    events = _events(body, limits)
    for place, event in enumerate(events):
        size = len(json.dumps(event)) if len(content) > limits.event_bytes else 0
        if size > limits.event_bytes:
            raise too_large("event_too_large", size, limits.event_bytes)
        if not isinstance(event, dict) or not isinstance(event.get("event_id"), str):
            raise invalid(f"events[{place}].event_id", "is missing")
    envelope = {name: value for name, value in body.items() if name != "events"}
    return Batch(key, envelope, tuple(events))


def carried(request: Request) -> list[Event]:
    """Return the events in a body as they came, whatever becomes of them."""
    events = _object(request.content()).get("events")
    return (
        [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    )


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = read_json(content)
    except Refusal as refusal:
        raise Refused(400, str(refusal), "malformed_json") from None
    if not isinstance(body, dict):
        raise invalid("the body", "is no object")
    return body


def _events(body: Mapping[str, Any], limits: Limits) -> list[Any]:
    events = body.get("events")
    if not isinstance(events, list) or not events:
        raise invalid("events", "is no list with at least one event")
    if len(events) > limits.events:
        raise too_large("batch_too_large", len(events), limits.events)
    if body.get("event_count") != len(events):
        raise invalid("event_count", "is not the number of events")
    if body.get("compression", "none") not in ("gzip", "none"):
        raise invalid("compression", "is neither gzip nor none")
    return events
