"""Reads the records of a client's spool, as one request brings many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.runs.bodies import STATUSES
from pytest_telemetry.servers.runs.book import COLUMNS, NUMBERS, UNSEEN
from pytest_telemetry.servers.runs.values import in_utc
from telemetry_core import iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNS = ("start_run", "update_run", "end_run")
_REQUIRED = (
    "run_id",
    "agent_name",
    "job_type",
    "trigger_type",
    "start_time",
    "event_id",
    "schema_version",
    "status",
)
_NUMBERS = {*NUMBERS, "schema_version", "revision"}
_FLAGS = {"api_posted", "inferred"}
_ANYTHING = {"metrics_json", "context_json"}
_NEVER_NULL = {*_REQUIRED, *_NUMBERS, *_FLAGS} - {"trigger_type"}
_TIMES = ("start_time", "end_time", "created_at", "updated_at")


class NoRecordError(ValueError):
    """What came is no record."""


def read(line: Any) -> tuple[bool, dict[str, Any]]:
    """Return whether a record tells of a run, and what it tells; raises `NoRecordError`."""
    if not isinstance(line, dict):
        raise NoRecordError("a record is an object")
    for name, kind in (("id", str), ("seq", int), ("time", int), ("body", dict)):
        if type(line.get(name)) is not kind:
            raise NoRecordError(f"{name} is missing or of a wrong type")
    if line.get("kind") in _RUNS:
        return True, _run(line["body"], line["time"])
    if line.get("kind") == "event":
        return False, _event(line["body"], line["id"], line["time"])
    raise NoRecordError(f"there is no kind {line.get('kind')!r} of records")


def _run(body: Mapping[str, Any], time_ns: int) -> dict[str, Any]:
    for name in _REQUIRED:
        if name not in body:
            raise NoRecordError(f"body.{name} is missing")
    run = {name: _checked(name, body[name]) for name in (*COLUMNS, *UNSEEN) if name in body}
    if run["status"] not in STATUSES:
        raise NoRecordError(f"body.status {run['status']!r} is none")
    for name in _TIMES:
        given = run.get(name)
        run[name] = None if given is None else in_utc(given) or given
    run["created_at"] = run["created_at"] or run["start_time"]
    run["updated_at"] = run["updated_at"] or iso8601(time_ns)
    return run


def _checked(name: str, value: Any) -> Any:
    if name in _ANYTHING:
        return value
    kind: Any = int if name in _NUMBERS else bool if name in _FLAGS else str
    if type(value) is not kind and (value is not None or name in _NEVER_NULL):
        raise NoRecordError(f"body.{name} is of a wrong type")
    return 0 if name in NUMBERS and value < 0 else value


def _event(body: Mapping[str, Any], id: str, time_ns: int) -> dict[str, Any]:
    context = body.get("context")
    texts = [body.get("run_id"), body.get("distinct_id")]
    if not isinstance(body.get("event_type"), str):
        raise NoRecordError("body.event_type is missing or no text")
    if not all(text is None or isinstance(text, str) for text in texts):
        raise NoRecordError("body.run_id and body.distinct_id are texts")
    if context is not None and not isinstance(context, dict):
        raise NoRecordError("body.context is an object")
    return {
        "event_id": id,
        "run_id": body.get("run_id"),
        "event_type": body["event_type"],
        "timestamp": iso8601(time_ns),
        "payload_json": body.get("payload") or None,
        "distinct_id": body.get("distinct_id"),
        "context_json": context or None,
    }
