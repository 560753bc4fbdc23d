"""Reads a line of an NDJSON file, ours or the reference client's, as the record it tells of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from telemetry_core import (
    COUNT_FIELDS,
    JSON_FIELDS,
    InvalidRecordError,
    Kind,
    Lane,
    Record,
    RunEvent,
    RunRecord,
    derived_id,
    parse_iso8601,
)
from telemetry_sqlite.rows import parse_in_place

if TYPE_CHECKING:
    from collections.abc import Callable

_NOT_NULL = frozenset({*COUNT_FIELDS, "revision", "schema_version", "api_posted", "inferred"})
_NEEDED = ("run_id", "agent_name", "job_type", "start_time")


def record_of(line: bytes) -> Record:
    """Return the record of a line: the same one, under the same id, whenever it is read.

    Raises `TelemetryError` for a line that is neither a run nor an event.
    """
    values = _object(line)
    kind = values.get("record_type") or _guessed(values)
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise InvalidRecordError("it is neither a run nor an event")
    return read(values, len(line))


def _object(line: bytes) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        values = _tolerantly(line)
    if not isinstance(values, dict):
        raise InvalidRecordError("it is JSON, but no object")
    return values


def _tolerantly(line: bytes) -> Any:
    """Read what Python's own `json.dumps` writes beyond JSON: NaN, infinities, half surrogates."""
    try:
        return json.loads(line.decode("utf-8-sig"), parse_constant=lambda _: None)
    except UnicodeDecodeError:
        raise InvalidRecordError("it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise InvalidRecordError("it is torn, or no JSON") from None


def _guessed(values: dict[str, Any]) -> str:
    if "event_type" in values and "timestamp" in values:
        return "event"
    return "run" if "agent_name" in values and "start_time" in values else ""


def _run(values: dict[str, Any], size: int) -> Record:
    """Read a run; an old one without an event id gets the one that belongs to its run id."""
    if lacking := [name for name in _NEEDED if not values.get(name)]:
        raise InvalidRecordError(f"this is no run: {lacking[0]} is missing")
    given = {
        name: value for name, value in values.items() if value is not None or name not in _NOT_NULL
    }
    for name in JSON_FIELDS:
        parse_in_place(given, name)  # the reference's programs hand JSON over as text, too
    if not given.get("event_id"):
        given["event_id"] = derived_id(str(values["run_id"]), "run")
    run = RunRecord.from_dict(given)
    kind = Kind.END_RUN if run.ended else Kind.START_RUN
    return Record(run.event_id, kind, 0, _last_heard(run), Lane.CRITICAL, run, size)


def _event(values: dict[str, Any], size: int) -> Record:
    """Read an event; one without an id gets the one that belongs to what it says."""
    known = values.get("event_id")
    event = RunEvent.from_dict(values if known else {**values, "event_id": "none yet"})
    if not known:
        event.event_id = derived_id(_content(event), "event")
    return Record(event.event_id, Kind.EVENT, 0, event.time_ns, Lane.STANDARD, event, size)


_READERS: dict[str, Callable[[dict[str, Any], int], Record]] = {"run": _run, "event": _event}


def _content(event: RunEvent) -> str:
    said = (event.run_id, event.event_type, event.time_ns, event.payload, event.distinct_id)
    return json.dumps([*said, event.context], sort_keys=True)


def _last_heard(run: RunRecord) -> int:
    """Return when the line was written, for all that it tells: this must not be now."""
    for moment in (run.updated_at, run.end_time, run.created_at, run.start_time):
        try:
            return parse_iso8601(moment or "")
        except (ValueError, OverflowError):
            continue
    return 0
