"""Translates runs and events to rows of the database and back."""

from __future__ import annotations

import json
import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, fields

from telemetry_core import (
    COUNT_FIELDS,
    JSON_FIELDS,
    RUN_FIELDS,
    TIME_FIELDS,
    InvalidRecordError,
    RunEvent,
    RunRecord,
    iso8601,
    json_text,
    parse_iso8601,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry_core import Record

Body = TypeVar("Body", bound=RunRecord | RunEvent)

RUN_COLUMNS = RUN_FIELDS
# Of a run that is stored, as the table has them.
ROW_COLUMNS = (
    "id",
    "event_id",
    "run_id",
    "schema_version",
    "created_at",
    "updated_at",
    "start_time",
    "end_time",
    "agent_name",
    "agent_owner",
    "job_type",
    "status",
    "product",
    "product_family",
    "platform",
    "subdomain",
    "website",
    "website_section",
    "item_name",
    "items_discovered",
    "items_succeeded",
    "items_failed",
    "items_skipped",
    "duration_ms",
    "input_summary",
    "output_summary",
    "source_ref",
    "target_ref",
    "error_summary",
    "error_details",
    "git_repo",
    "git_branch",
    "git_commit_hash",
    "git_run_tag",
    "git_commit_source",
    "git_commit_author",
    "git_commit_timestamp",
    "host",
    "environment",
    "trigger_type",
    "metrics_json",
    "context_json",
    "api_posted",
    "api_posted_at",
    "api_retry_count",
    "insight_id",
    "parent_run_id",
    "revision",
    "inferred",
)
EVENT_COLUMNS = (
    "event_id",
    "run_id",
    "event_type",
    "timestamp",
    "payload_json",
    "distinct_id",
    "context_json",
)

_FLAGS = ("api_posted", "inferred")
_NEVER_NULL = (*COUNT_FIELDS, "revision")
_NUMBERS = (*_NEVER_NULL, "schema_version")
_JSON_AT = tuple(RUN_COLUMNS.index(name) for name in JSON_FIELDS)
_AS_JSON = frozenset({*JSON_FIELDS, "payload", "context"})
_WIDEST = 2**63
_IN_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", re.ASCII)

_values: Callable[[RunRecord], tuple[Any, ...]] = attrgetter(*RUN_COLUMNS)


def run_row(run: RunRecord) -> tuple[Any, ...]:
    """Return the values of a run in the order of `RUN_COLUMNS`."""
    values = list(_values(run))
    for index in _JSON_AT:
        value = values[index]
        if value is not None:
            values[index] = readable(value) if isinstance(value, str) else json_text(value)
    return tuple(values)


def event_rows(events: Iterable[RunEvent]) -> list[tuple[Any, ...]]:
    """Return the values of each event in the order of `EVENT_COLUMNS`."""
    return [
        (
            event.event_id,
            event.run_id,
            event.event_type,
            iso8601(event.time_ns),
            event.payload_json,
            event.distinct_id,
            json_text(event.context) if event.context else None,
        )
        for event in events
    ]


def run_dict(row: Iterable[Any]) -> dict[str, Any]:
    """Read `ROW_COLUMNS` as values by name, JSON parsed and flags as booleans.

    A number that is missing is 0. JSON that cannot be parsed stays the text it is, beside
    `<name>_parse_error`.
    """
    run = dict(zip(ROW_COLUMNS, row, strict=True))
    for name in _FLAGS:
        run[name] = bool(run[name])
    for name in _NEVER_NULL:
        run[name] = run[name] or 0
    for name in JSON_FIELDS:
        parse_in_place(run, name)
    return run


def event_dict(row: Iterable[Any]) -> dict[str, Any]:
    """Read `id` and `EVENT_COLUMNS` as values by name, payload and context parsed."""
    event = dict(zip(("id", *EVENT_COLUMNS), row, strict=True))
    for name in ("payload_json", "context_json"):
        parse_in_place(event, name)
    return event


def run_record(row: Iterable[Any]) -> RunRecord:
    """Read `ROW_COLUMNS` as the run they tell of."""
    return run_of(run_dict(row))


def run_of(run: dict[str, Any]) -> RunRecord:
    """Return the run of a row that was read by name; a number that is none counts as 0."""
    try:
        return RunRecord.from_dict(run)
    except InvalidRecordError:  # another program stored it, and what comes late is for it too
        return RunRecord.from_dict({**run, **{name: _whole(run[name]) for name in _NUMBERS}})


def normalized(run: RunRecord, seen_ns: int) -> RunRecord:
    """Return the run with its times in UTC, and with those that every row has.

    A run without a time of creation was created when it started: so says each of its records,
    whichever arrives first.
    """
    times = {name: utc(getattr(run, name)) for name in TIME_FIELDS}
    times["created_at"] = times["created_at"] or times["start_time"]
    times["updated_at"] = times["updated_at"] or iso8601(seen_ns)
    return _with(run, times)


def in_utc(run: RunRecord) -> RunRecord:
    """Return the run with those of its times that it has in UTC."""
    return _with(run, {name: utc(getattr(run, name)) for name in TIME_FIELDS})


def utc(moment: Any) -> Any:
    """Return an ISO 8601 time in the one form that sorts; what is no time stays as it is."""
    if moment is None or (isinstance(moment, str) and _IN_UTC.fullmatch(moment)):
        return moment
    try:
        return iso8601(parse_iso8601(str(moment)))
    except (ValueError, OverflowError):
        return moment


def storable(record: Record) -> Record:
    """Return the record with all its text as SQLite can hold it.

    Raises `TypeError` or `ValueError` for a value that no column holds.
    """
    return evolve(record, body=fitting(record.body))


def fitting(body: Body) -> Body:
    """Return a run or an event with all its text as SQLite can hold it; raises like `storable`."""
    names = [attribute.name for attribute in fields(type(body)) if attribute.name not in _AS_JSON]
    return evolve(body, **{name: fit(name, getattr(body, name)) for name in names})


def readable(text: str) -> str:
    """Return the text with lone surrogates written out, since SQLite holds UTF-8 only."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def fit(name: str, value: Any) -> Any:
    """Return the value as SQLite can hold it; raises `TypeError` or `ValueError` if it cannot."""
    if isinstance(value, str):
        return readable(value)
    if value is None or isinstance(value, float):
        return value
    if not isinstance(value, int):
        raise TypeError(f"{name} is a {type(value).__name__}, which no column holds")
    if not -_WIDEST <= value < _WIDEST:
        raise ValueError(f"{name} needs more than the 64 bits of a column")
    return value


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def _with(run: RunRecord, values: dict[str, Any]) -> RunRecord:
    changed = {name: value for name, value in values.items() if value != getattr(run, name)}
    return evolve(run, **changed) if changed else run


def parse_in_place(row: dict[str, Any], name: str) -> None:
    """Parse a value that is JSON text; what cannot be parsed stays, beside `<name>_parse_error`."""
    if not isinstance(row.get(name), str):
        return
    try:
        row[name] = json.loads(row[name])
    except (ValueError, RecursionError) as error:
        row[f"{name}_parse_error"] = str(error)
