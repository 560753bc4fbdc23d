"""Turns a row of an older file into one that our tables hold, and keeps what that replaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from attrs import define, field

from telemetry_core import (
    COUNT_FIELDS,
    TIME_FIELDS,
    UnknownStatusError,
    json_text,
    normalize_status,
)
from telemetry_sqlite.rows import utc

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Container

Row = dict[str, Any]

BEFORE = "before_migration"  # in a row's context: the values that could not stay
UNKNOWN = "unknown"
EPOCH = "1970-01-01T00:00:00.000000+00:00"
_OURS = UUID("5d4ab1c4-6a3f-5c0e-9d0f-1f6f0c1c7a57")  # any, but always the same
_TEXTS = ("run_id", "agent_name", "job_type")


@define
class Mender:
    """Mends rows one by one and counts what it did.

    An id that is made comes from the run's id and the row's place, so that a migration that is
    killed and done again, or done on a copy, gives the same ones.

    :param repeated: the event ids that several rows have; the first one keeps it.
    :param statuses, made, mended: how often each word was mapped, id made, column mended.
    """

    repeated: Container[str]
    statuses: Counter[str]
    made: Counter[str]
    mended: Counter[str]
    _seen: set[str] = field(factory=set, init=False)

    def run(self, rowid: int, row: Row) -> Row:
        """Return the row of a run with all that our table asks for."""
        before: Row = {}
        self._event_id(rowid, row, before)
        self._times(row, before)
        for name in _TEXTS:
            if row[name] is None:
                self._replace(row, name, UNKNOWN, before)
        for name in COUNT_FIELDS:
            if isinstance(row[name], int | float) and row[name] < 0:
                self._replace(row, name, 0, before)
        row["api_posted"] = row["api_posted"] or 0  # null would be neither posted nor waiting
        self._status(row, before)
        if before:
            row["context_json"] = _noted(row["context_json"], before)
        return row

    def event(self, rowid: int, row: Row) -> Row:
        """Return the row of an event with all that our table asks for."""
        if not row["event_id"]:
            row["event_id"] = _made_id(f"event:{row['run_id']}:{rowid}")
            self.made["run_events"] += 1
        if row["event_type"] is None:
            self._replace(row, "event_type", UNKNOWN, {})
        row["timestamp"] = utc(row["timestamp"])
        if row["timestamp"] is None:
            self._replace(row, "timestamp", EPOCH, {})
        return row

    def _event_id(self, rowid: int, row: Row, before: Row) -> None:
        found = row["event_id"]
        if found and str(found) not in self.repeated:
            return
        if found and str(found) not in self._seen:
            self._seen.add(str(found))
            return
        made = _made_id(f"{row['run_id']}:{rowid}")
        if found:
            self._replace(row, "event_id", made, before)
        else:
            row["event_id"] = made
            self.made["agent_runs"] += 1

    def _times(self, row: Row, before: Row) -> None:
        for name in TIME_FIELDS:
            row[name] = utc(row[name])
        if row["start_time"] is None:
            known = row["created_at"] or row["updated_at"] or row["end_time"] or EPOCH
            self._replace(row, "start_time", known, before)
        row["created_at"] = row["created_at"] or row["start_time"]

    def _status(self, row: Row, before: Row) -> None:
        found = row["status"]
        try:
            row["status"] = normalize_status(found)
        except UnknownStatusError:
            self._replace(row, "status", "failure" if row["end_time"] else "running", before)
        if row["status"] != found:
            self.statuses[f"{found} → {row['status']}"] += 1

    def _replace(self, row: Row, name: str, value: Any, before: Row) -> None:
        before[name], row[name] = row[name], value
        self.mended[name] += 1


def _made_id(place: str) -> str:
    return str(uuid5(_OURS, place))


def _noted(context: Any, before: Row) -> str:
    """Return a run's context with the values that could not stay."""
    try:
        known = json.loads(context) if context else {}
    except (TypeError, ValueError, RecursionError):
        known = None
    if not isinstance(known, dict):
        known, before = {}, {**before, "context_json": context}
    return json_text({**known, BEFORE: before})
