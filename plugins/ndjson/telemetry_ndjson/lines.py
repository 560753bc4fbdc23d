"""What a line says: a run, an event, or any mapping, as JSON in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core import RunEvent, iso8601, json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core import Record, RunRecord


def line_of_record(record: Record) -> bytes:
    """Return the line of one record, its line feed included."""
    if isinstance(record.body, RunEvent):
        return line_of(record.body.to_dict())
    return line_of(_run(record.body, record.time_ns))


def line_of(values: Mapping[str, Any]) -> bytes:
    """Return a mapping as one line of valid JSON, its line feed included, whatever it holds."""
    return f"{json_text(values)}\n".encode()


def _run(run: RunRecord, time_ns: int) -> dict[str, Any]:
    values = run.to_dict()
    values["created_at"] = values["created_at"] or run.start_time
    values["updated_at"] = values["updated_at"] or iso8601(time_ns)
    return values
