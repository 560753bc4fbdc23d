"""Reads a line of the reference client's buffer as the record it tells of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from telemetry_core import (
    InvalidRecordError,
    Kind,
    Lane,
    Record,
    RunEvent,
    derived_id,
    parse_iso8601,
)
from telemetry_http_api.rows import run_of

if TYPE_CHECKING:
    from telemetry_core import RunRecord

_NEEDED = ("run_id", "agent_name", "job_type", "start_time")


def record_of(line: bytes) -> Record:
    """Return the record of a line: the same one, under the same id, whenever it is read.

    A run without an event id gets the one that belongs to its run id, an event the one that
    belongs to its line. Raises `TelemetryError` for a line that is neither.
    """
    values = _object(line)
    if "event_type" in values and "agent_name" not in values:
        return _event(values, line)
    if lacking := [name for name in _NEEDED if not values.get(name)]:
        raise InvalidRecordError(f"this is no run: {lacking[0]} is missing")
    known = values.get("event_id") or derived_id(str(values["run_id"]), "run")
    run = run_of({**values, "event_id": known})
    kind = Kind.END_RUN if run.ended else Kind.START_RUN
    return Record(_id(line), kind, 0, _last_heard(run), Lane.CRITICAL, run, len(line))


def _event(values: dict[str, Any], line: bytes) -> Record:
    event = RunEvent.from_dict({**values, "event_id": values.get("event_id") or _id(line)})
    return Record(event.event_id, Kind.EVENT, 0, event.time_ns, Lane.STANDARD, event, len(line))


def _object(line: bytes) -> dict[str, Any]:
    if not line:
        raise InvalidRecordError("it is longer than any row")
    try:
        values = msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        values = _tolerantly(line)
    if not isinstance(values, dict):
        raise InvalidRecordError("it is JSON, but no object")
    return values


def _tolerantly(line: bytes) -> Any:
    """Read what Python's own `json.dumps` writes beyond JSON: NaN and infinities."""
    try:
        return json.loads(line.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise InvalidRecordError("it is torn, or no JSON") from None


def _id(line: bytes) -> str:
    return derived_id(line.decode("utf-8", "backslashreplace"), "buffer")


def _last_heard(run: RunRecord) -> int:
    """Return when the line was written, for all that it tells: this must not be now."""
    for moment in (run.updated_at, run.end_time, run.created_at, run.start_time):
        try:
            return parse_iso8601(moment or "")
        except (ValueError, OverflowError):
            continue
    return 0
