"""Reads what comes by the first protocol: a batch, an array of events, or a single one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from pytest_telemetry.servers import unpacking
from pytest_telemetry.servers.messages import LARGEST_BODY
from pytest_telemetry.servers.posthog.answers import Refused
from pytest_telemetry.servers.posthog.batch import Batch
from pytest_telemetry.servers.posthog.keys import BadKeyError, checked
from pytest_telemetry.servers.shapes import (
    Shape,
    WrongShapeError,
    flag,
    list_of,
    mapping,
    text,
    uuid,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_telemetry.servers.messages import Request
    from pytest_telemetry.servers.posthog.batch import Event, Limits

BATCH = "/batch"
ENGAGE = "/engage"
AI = "/i/v0/ai/batch"
PATHS = (BATCH, AI, ENGAGE, "/capture", "/track", "/e", "/i/v0/e")
_GZIP = b"\x1f\x8b\x08"
_GZIP_HINTS = {"gzip", "gzip-js"}
_KEYS = ("token", "$token", "api_key")
_IDS = ("distinct_id", "$distinct_id")
_TOLD_APART = {*_KEYS, *_IDS}
_LONGEST_ID = 200
_MAYBE = {
    **dict.fromkeys(_KEYS, text),
    "uuid": uuid,
    "timestamp": text,
    "offset": whole(-(2**63), 2**63 - 1),
    "$set": mapping,
    "$set_once": mapping,
}
_UNNAMED = Shape(maybe=_MAYBE, never_null={"properties": mapping})
_EVENT = Shape({"event": text}, _MAYBE, {"properties": mapping})
_BATCH = Shape(
    {"batch": list_of(_EVENT)},
    {**dict.fromkeys(_KEYS, text), "historical_migration": flag, "sent_at": text},
)


def read(request: Request, path: str, limits: Limits, keys: Collection[str]) -> Batch:
    """Return what a request brings; raises the refusal of one that is not taken."""
    content = _content(request, limits.batch if path in {BATCH, AI} else limits.single)
    value = _value(content)
    events = _events_of(value, path)
    about = value if isinstance(value, dict) and "batch" in value else {}
    key = _key(about, events, keys)
    kept = tuple(_kept(event) for event in events)
    _measure(events, len(content), limits.ai_event if path == AI else limits.event)
    historical = bool(about.get("historical_migration"))
    return Batch(path, key, kept, about.get("sent_at"), historical)


def carried(request: Request, path: str) -> list[Event]:
    """Return the events in a body as they came, whatever becomes of them."""
    return _events_of(_value(_content(request, LARGEST_BODY)), path)


def _content(request: Request, most: int) -> bytes:
    body = request.body
    if not body:
        raise Refused(400, "request missing data payload")
    hints = {request.query.get("compression"), request.headers.get("content-encoding")}
    try:
        if body.startswith(_GZIP) or hints & _GZIP_HINTS:
            return unpacking.ungzipped(body, most)
    except unpacking.NotUnpackedError:
        raise Refused(400, "failed to decode request: invalid GZIP data") from None
    except unpacking.TooLargeError as error:
        raise Refused(413, f"maximum event size exceeded: {error}") from None
    if len(body) > most:
        raise Refused(413, f"maximum event size exceeded: it has more than {most} bytes")
    return body


def _value(content: bytes) -> Any:
    try:
        return unpacking.read_json(content)
    except unpacking.NoJsonError as error:
        raise Refused(400, f"failed to parse request: {error}") from None


def _events_of(value: Any, path: str) -> list[Event]:
    """Return the events in what was sent; raises the refusal where it is nothing that has any."""
    try:
        events = _events(value, path)
    except WrongShapeError as error:
        raise Refused(400, f"failed to parse request: {error}") from None
    if not events:
        raise Refused(400, "request holds no event")
    return events


def _events(value: Any, path: str) -> list[Event]:
    if isinstance(value, list):
        list_of(_EVENT)(value, "")
        return value
    if isinstance(value, dict) and "batch" in value:
        _BATCH(value, "")
        return list(value["batch"])
    _UNNAMED(value, "the body")
    if "event" in value:
        _EVENT(value, "")
        return [value]
    if path != ENGAGE:
        words = "non-engage request missing event name attribute"
        raise Refused(400, f"failed to hydrate events from request: {words}")
    return [{**value, "event": "$identify"}]


def _key(about: Mapping[str, Any], events: list[Event], known: Collection[str]) -> str:
    """Return the key of a batch, or the one that all events agree on."""
    given = _first(about, _KEYS)
    keys = {_key_of(event) for event in events} - {None} if given is None else {given}
    if len(keys) > 1:
        raise Refused(401, "batch submitted with inconsistent api_key values")
    for key in keys:
        try:
            return checked(key, known)
        except BadKeyError as error:
            raise Refused(401, f"API key is not valid: {error}") from None
    raise Refused(401, "event submitted without an api_key")


def _key_of(event: Event) -> Any:
    own = _first(event, _KEYS)
    other = event.get("properties", {}).get("token")
    return own if own is not None else other if isinstance(other, str) else None


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)


def _kept(event: Event) -> Event:
    """Return an event as it is kept; raises the refusal of one without a name or an id."""
    if not event["event"]:
        raise Refused(400, "event submitted with an empty event name")
    properties = event.get("properties", {})
    given = _first(event, _IDS)
    whose = _text_of(properties.get("distinct_id") if given is None else given)
    if not whose:
        raise Refused(400, "event submitted without a distinct_id")
    rest = {name: value for name, value in event.items() if name not in _TOLD_APART}
    own = event.get("uuid")
    identity = {"uuid": str(UUID(own) if own else uuid4()), "distinct_id": whose}
    return {**rest, **identity, "properties": properties}


def _text_of(id: Any) -> str:
    """Return anything as an id: as JSON where it is no text, without NUL, and not too long."""
    if id is None:
        return ""
    told = id if isinstance(id, str) else _compact(id)
    return told.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_LONGEST_ID]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _measure(events: list[Event], together: int, most: int) -> None:
    """Raise the refusal of an event that is too large, which in a small body none is."""
    for event in events if together > most else ():
        size = len(_compact(event).encode())
        if size > most:
            raise Refused(413, f"maximum event size exceeded: {size} bytes, of {most} at most")
