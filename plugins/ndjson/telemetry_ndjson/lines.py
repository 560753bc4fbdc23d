"""What a line says: a run, an event, or any mapping, as JSON in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Raw
from msgspec.json import Decoder, Encoder

from telemetry_core import RunEvent, iso8601, tolerant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core import Record, RunRecord

_encode = Encoder().encode
_check = Decoder(Raw).decode  # reads to the end and builds nothing


def line_of_record(record: Record) -> bytes:
    """Return the line of one record, its line feed included."""
    if isinstance(record.body, RunEvent):
        return line_of(_event(record.body))
    return line_of(_run(record.body, record.time_ns))


def line_of(values: Mapping[str, Any]) -> bytes:
    """Return a mapping as one line of valid JSON, its line feed included, whatever it holds."""
    return _json(values) + b"\n"


def _run(run: RunRecord, time_ns: int) -> dict[str, Any]:
    values = run.to_dict()
    values["created_at"] = values["created_at"] or run.start_time
    values["updated_at"] = values["updated_at"] or iso8601(time_ns)
    return values


def _event(event: RunEvent) -> dict[str, Any]:
    return {
        "run_id": event.run_id,
        "event_type": event.event_type,
        "timestamp": event.timestamp,
        "payload_json": _json(event.payload).decode() if event.payload else None,
        "id": None,
        "event_id": event.event_id,
        "distinct_id": event.distinct_id,
        "context": event.context,
        "record_type": "event",
    }


def _json(value: object) -> bytes:
    try:
        text = _encode(value)
        # A `Raw` in the value is written as it stands, and what is nested too deep cannot be read.
        _check(text)
    except Exception:
        return _encode(tolerant(value))
    return text
