"""Reads what comes by the newer protocol: a key in a header, and a result for every event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pytest_telemetry.servers import unpacking
from pytest_telemetry.servers.messages import LARGEST_BODY
from pytest_telemetry.servers.posthog.answers import RefusedV1
from pytest_telemetry.servers.posthog.batch import Batch
from pytest_telemetry.servers.posthog.keys import BadKeyError, checked
from pytest_telemetry.servers.shapes import (
    Shape,
    WrongShapeError,
    flag,
    list_of,
    text,
)
from pytest_telemetry.servers.times import is_rfc_3339

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_telemetry.servers.messages import Request
    from pytest_telemetry.servers.posthog.batch import Event, Limits

PATH = "/i/v1/analytics/events"
_SDK = "posthog-sdk-info"
_REQUEST = "posthog-request-id"
_ATTEMPT = "posthog-attempt"
_TIME = "posthog-request-timestamp"
_NEEDED = ("authorization", "content-type", "user-agent", _SDK, _ATTEMPT, _REQUEST, _TIME)
_LARGEST_BODY = 10 * 1024 * 1024
_LONGEST = 200
_ILLEGAL_IDS = frozenset(
    (
        *("", "0", "00000000-0000-0000-0000-000000000000", "[object object]", "anonymous"),
        *("anonymous-user", "backend", "distinct_id", "distinctid", "email", "false", "guest"),
        *("id", "nan", "none", "not_authenticated", "null", "system", "true", "undefined", "user"),
    )
)
_OPTIONS = {
    "cookieless_mode": "$cookieless_mode",
    "disable_skew_correction": "$ignore_sent_at",
    "process_person_profile": "$process_person_profile",
    "product_tour_id": "$product_tour_id",
}
_OWN_FIELDS = {"session_id": "$session_id", "window_id": "$window_id"}
_EVENT = Shape(
    needed={
        **dict.fromkeys(("event", "uuid", "distinct_id", "timestamp"), text),
        "options": Shape(maybe={**dict.fromkeys(_OPTIONS, flag), "product_tour_id": text}),
    },
    maybe=dict.fromkeys(_OWN_FIELDS, text),
)
_BATCH = Shape(
    needed={"created_at": text, "batch": list_of(_EVENT)},
    maybe={"capture_internal": flag},
    never_null={"historical_migration": flag},
)


def read(
    request: Request, limits: Limits, keys: Collection[str]
) -> tuple[Batch, dict[str, dict[str, str]]]:
    """Return what is kept of a request, and the results of all its events by their uuids."""
    key = _key(request.headers, keys)
    value = _value(request, limits.batch)
    problems = {event["uuid"]: _problem(event) for event in value["batch"]}
    results = {
        uuid: {"result": "drop", "details": why} if why else {"result": "ok"}
        for uuid, why in problems.items()
    }
    sdk = request.headers[_SDK]
    kept = tuple(_kept(event, sdk) for event in value["batch"] if not problems[event["uuid"]])
    historical = value.get("historical_migration", False)
    return Batch(PATH, key, kept, request.headers[_TIME], historical), results


def carried(request: Request) -> list[Event]:
    """Return the events in a body as they came, whatever becomes of them."""
    return list(_value(request, LARGEST_BODY)["batch"])


def _key(headers: Mapping[str, str], known: Collection[str]) -> str:
    """Return the key; raises the refusal of headers that are missing or mean nothing."""
    if missing := [name for name in _NEEDED if name not in headers]:
        words = f"request is missing required headers: {missing}"
        raise RefusedV1(400, "missing_required_headers", words)
    scheme, _, key = headers["authorization"].partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise _bad_header("Authorization must use Bearer scheme")
    try:
        key = checked(key, known)
    except BadKeyError:
        words = "The provided API token is not valid."
        raise RefusedV1(401, "invalid_api_token", words) from None
    kind = headers["content-type"]
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise RefusedV1(415, "unsupported_content_type", f"unsupported content type: {kind}")
    if not _is_uuid(headers[_REQUEST]):
        raise _bad_header(f"{_REQUEST} is not a valid UUID")
    if not re.fullmatch(r"\+?0*[1-9][0-9]{0,8}", headers[_ATTEMPT]):
        raise _bad_header(f"{_ATTEMPT} must be a positive integer")
    if not is_rfc_3339(headers[_TIME]):
        raise _bad_header(f"{_TIME} is not valid RFC 3339")
    return key


def _bad_header(why: str) -> RefusedV1:
    return RefusedV1(400, "invalid_header_value", f"invalid header value: {why}")


def _value(request: Request, most: int) -> Any:
    """Return a body with its events; raises the refusal of what is none."""
    try:
        value = unpacking.read_json(_content(request, most))
        _BATCH(value, "")
    except (unpacking.NoJsonError, WrongShapeError) as error:
        words = f"Failed to parse request body: {error}"
        raise RefusedV1(400, "request_parsing_error", words) from None
    if not value["batch"]:
        raise RefusedV1(400, "empty_batch", "request batch is empty")
    if not is_rfc_3339(value["created_at"]):
        raise RefusedV1(400, "invalid_batch", "invalid batch: created_at is not valid RFC 3339")
    seen = set()
    for event in value["batch"]:
        if not _is_uuid(event["uuid"]):
            raise RefusedV1(400, "missing_event_uuid", "event submitted without a uuid")
        if (uuid := UUID(event["uuid"])) in seen:
            raise RefusedV1(400, "duplicate_event_uuid", f"duplicate event uuid: {uuid}")
        seen.add(uuid)
    return value


def _content(request: Request, most: int) -> bytes:
    body, coding = request.body, request.headers.get("content-encoding", "").lower()
    if not body:
        raise RefusedV1(400, "empty_body", "request body is empty")
    try:
        if len(body) > _LARGEST_BODY:
            raise unpacking.TooLargeError(f"it has more than {_LARGEST_BODY} bytes")
        match coding:
            case "":
                return body
            case "gzip":
                return unpacking.ungzipped(body, most)
            case "deflate":
                return unpacking.inflated(body, most)
    except unpacking.NotUnpackedError:
        words = "Failed to decode request body."
        raise RefusedV1(400, "request_decoding_error", words) from None
    except unpacking.TooLargeError as error:
        raise RefusedV1(413, "payload_too_large", f"payload too large: {error}") from None
    raise RefusedV1(415, "unsupported_encoding", f"unsupported content encoding: {coding}")


def _problem(event: Event) -> str:
    """Return in a word why an event is dropped, if it is."""
    whose = event["distinct_id"]
    problems = {
        "missing_event_name": not event["event"],
        "event_name_too_long": len(event["event"].encode()) > _LONGEST,
        "missing_distinct_id": not whose,
        "distinct_id_too_large": len(whose.encode()) > _LONGEST,
        "invalid_distinct_id": whose.strip().lower() in _ILLEGAL_IDS,
        "invalid_event_timestamp": not is_rfc_3339(event["timestamp"]),
        "malformed_event_properties": not isinstance(event.get("properties", {}), dict),
    }
    return next((tag for tag, found in problems.items() if found), "")


def _kept(event: Event, sdk: str) -> Event:
    """Return an event as it is kept: as one of the first protocol."""
    lib, _, version = sdk.partition("/")
    options = {new: event["options"].get(old) for old, new in _OPTIONS.items()}
    fields = {new: event.get(old) for old, new in _OWN_FIELDS.items()}
    told = {name: value for name, value in {**options, **fields}.items() if value is not None}
    names = ("event", "distinct_id", "timestamp")
    properties = {**event.get("properties", {}), "$lib": lib, "$lib_version": version, **told}
    return {
        **{name: event[name] for name in names},
        "uuid": str(UUID(event["uuid"])),
        "properties": properties,
    }


def _is_uuid(given: str) -> bool:
    try:
        UUID(given)
    except ValueError:
        return False
    return True
