"""Translates runs to the rows that the routes for runs speak of, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import fields

from telemetry_core import (
    HOUR,
    JSON_FIELDS,
    NEVER_NULL_FIELDS,
    RUN_FIELDS,
    CountedRun,
    RunRecord,
    iso8601,
    parse_iso8601,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the reference service has no column for, or takes and does not store.
KEPT_ASIDE = ("agent_owner", "inferred")
OTHER_FIELDS = "fields_without_column"  # where in the context of a run these are kept

_NOT_ITS_OWN = frozenset({"schema_version", "updated_at", "revision", *KEPT_ASIDE})
COLUMNS = tuple(name for name in RUN_FIELDS if name not in _NOT_ITS_OWN)
_DEFAULTS = {a.name: a.default for a in fields(RunRecord) if a.name in NEVER_NULL_FIELDS}


def row_of(run: RunRecord, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a run as the reference service takes one, with nothing of it left out.

    :param more: fields to keep in the context because their columns cannot be written any more.
    """
    row = {name: getattr(run, name) for name in COLUMNS}
    row["created_at"] = run.created_at or run.start_time
    for name in JSON_FIELDS:
        row[name] = _object(row[name])
    aside = {name: getattr(run, name) for name in KEPT_ASIDE if getattr(run, name)}
    context = {n: v for n, v in (row["context_json"] or {}).items() if n != OTHER_FIELDS}
    if others := {**(more or {}), **aside}:
        context[OTHER_FIELDS] = others
    row["context_json"] = context or None
    return row


def run_of(row: Mapping[str, Any]) -> RunRecord:
    """Return the run that a row tells of; raises `TelemetryError` when it tells of none."""
    given = {n: v for n, v in row.items() if v is not None or n not in NEVER_NULL_FIELDS}
    for name in JSON_FIELDS:
        given[name] = parsed(given.get(name))
    context = given["context_json"]
    if isinstance(context, dict) and isinstance(others := context.get(OTHER_FIELDS), dict):
        given |= {name: others[name] for name in KEPT_ASIDE if name in others}
    return RunRecord.from_dict(given)


def complete(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with every field of a run, whichever service it comes from."""
    whole = {"id": None, **dict.fromkeys(RUN_FIELDS), **row}
    for name, default in _DEFAULTS.items():
        if whole[name] is None:
            whole[name] = default
    for name in JSON_FIELDS:
        whole[name] = parsed(whole[name])
    return whole


def counted(row: Mapping[str, Any]) -> CountedRun:
    """Return what is counted of a complete row."""
    # Nobody knows how long a run took that never said its end.
    said = row["end_time"] is not None and not row["inferred"]
    took = row["duration_ms"] if said else None
    hour = _in_utc(row["start_time"])[:HOUR]
    return CountedRun(row["agent_name"], row["job_type"], row["status"], hour, took)


def _in_utc(moment: str) -> str:
    try:
        return iso8601(parse_iso8601(moment))
    except (ValueError, OverflowError):
        return moment


def parsed(value: Any) -> Any:
    """Return the object that a text of JSON holds; anything else stays what it is."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict | list) else value


def _object(value: Any) -> dict[str, Any] | None:
    value = parsed(value)
    if value is not None and not isinstance(value, dict):
        return {"value": value}
    return value or None  # the service keeps an empty object as none
