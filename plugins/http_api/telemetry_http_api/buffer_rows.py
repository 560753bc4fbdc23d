"""Reads a line of the reference client's buffer as the record it tells of."""

from __future__ import annotations

from typing import Any

from telemetry_core import (
    InvalidRecordError,
    Kind,
    Lane,
    Record,
    RunEvent,
    derived_id,
    identified,
    json_object,
)
from telemetry_http_api.rows import run_of


def record_of(line: bytes) -> Record:
    """Return the record of a line: the same one, under the same id, whenever it is read.

    A run without an event id gets the one that belongs to its run id, an event the one that
    belongs to its line. Raises `TelemetryError` for a line that is neither.
    """
    if not line:
        raise InvalidRecordError("it is longer than any row")
    values = json_object(line)
    if "event_type" in values and "agent_name" not in values:
        return _event(values, line)
    return Record.of_run(run_of(identified(values)), _id(line), size=len(line))


def _event(values: dict[str, Any], line: bytes) -> Record:
    event = RunEvent.from_dict({**values, "event_id": values.get("event_id") or _id(line)})
    return Record(event.event_id, Kind.EVENT, 0, event.time_ns, Lane.STANDARD, event, len(line))


def _id(line: bytes) -> str:
    return derived_id(line.decode("utf-8", "backslashreplace"), "buffer")
