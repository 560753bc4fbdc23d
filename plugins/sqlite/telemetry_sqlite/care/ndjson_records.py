"""Reads a line of an NDJSON file, ours or the reference client's, as the record it tells of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from telemetry_core import (
    JSON_FIELDS,
    NEVER_NULL_FIELDS,
    InvalidRecordError,
    Kind,
    Lane,
    Record,
    RunEvent,
    RunRecord,
    derived_id,
    identified,
    json_object,
)
from telemetry_sqlite.rows import parse_in_place

if TYPE_CHECKING:
    from collections.abc import Callable


def record_of(line: bytes) -> Record:
    """Return the record of a line: the same one, under the same id, whenever it is read.

    Raises `TelemetryError` for a line that is neither a run nor an event.
    """
    values = json_object(line)
    kind = values.get("record_type") or _guessed(values)
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise InvalidRecordError("it is neither a run nor an event")
    return read(values, len(line))


def _guessed(values: dict[str, Any]) -> str:
    if "event_type" in values and "timestamp" in values:
        return "event"
    return "run" if "agent_name" in values and "start_time" in values else ""


def _run(values: dict[str, Any], size: int) -> Record:
    known = identified(values)
    given = {n: v for n, v in known.items() if v is not None or n not in NEVER_NULL_FIELDS}
    for name in JSON_FIELDS:
        parse_in_place(given, name)  # the reference's programs hand JSON over as text, too
    run = RunRecord.from_dict(given)
    return Record.of_run(run, run.event_id, size=size)


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
