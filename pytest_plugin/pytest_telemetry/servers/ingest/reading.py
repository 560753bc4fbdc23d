"""Reads what a request brings: the events in its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from pytest_telemetry.servers import unpacking
from pytest_telemetry.servers.ingest.answers import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.servers.ingest.events import Event
    from pytest_telemetry.servers.messages import Request


@define
class Limits:
    """The most that one request brings.

    :ivar body_bytes: as sent, and once more unpacked.
    """

    events: int = 1_000
    body_bytes: int = 5 * 1024 * 1024


@define(frozen=True)
class Batch:
    """What one request brought.

    :ivar token: by whose credentials it came, whether it named them or not.
    :ivar events: those that were taken, those included that were there already.
    :ivar headers: of the request, by their names in lower case.
    """

    org: str
    app: str
    token: str
    events: tuple[Event, ...]
    headers: Mapping[str, str]


def read(request: Request, limits: Limits) -> list[Any]:
    """Return what a request brings as events; raises the refusal of what is no batch of them."""
    events = _events(_unpacked(request, limits.body_bytes))
    if not events:
        raise Refused(400, "Batch must contain at least one event")
    if len(events) > limits.events:
        raise Refused(400, f"Batch size exceeds maximum of {limits.events} events")
    told = request.headers.get("x-batch-size", "")
    if told.isascii() and told.isdecimal() and told.lstrip("0") != str(len(events)):
        raise Refused(400, "X-Batch-Size header does not match actual batch size")
    return events


def carried(request: Request, limits: Limits) -> list[Event]:
    """Return the events in a body as they came, whatever becomes of them."""
    events = _events(_unpacked(request, limits.body_bytes))
    return [event for event in events if isinstance(event, dict)]


def _events(content: bytes) -> list[Any]:
    try:
        body = unpacking.read_json(content, _distinct)
    except unpacking.NoJsonError as error:
        raise Refused(400, f"Invalid JSON: {error}") from None
    events = body.get("events") if isinstance(body, dict) else None
    if not isinstance(events, list):
        raise Refused(400, "Invalid JSON: there is no list of events in it")
    return events


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("a member is there twice")
    return value


def _unpacked(request: Request, most: int) -> bytes:
    match request.headers.get("content-encoding", "identity").strip().lower():
        case "identity":
            return request.body
        case "gzip":
            return _ungzipped(request.body, most)
        case other:
            raise Refused(415, f"Unsupported content encoding: {other}")


def _ungzipped(body: bytes, most: int) -> bytes:
    try:
        content = unpacking.ungzipped(body, most)
        content.decode()
    except unpacking.TooLargeError:
        raise Refused(413, f"Body exceeds maximum of {most} bytes") from None
    except unpacking.NotUnpackedError as error:
        raise Refused(400, f"Invalid gzip: {error}") from None
    except UnicodeDecodeError:
        raise Refused(400, "Invalid UTF-8 in body") from None
    return content
