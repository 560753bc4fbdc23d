"""Changes to runs within an open transaction: told once more, one or many, or set to what is given."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve

from telemetry_core import JSON_FIELDS, TIME_FIELDS, Kind, Lane, Record, iso8601, json_text
from telemetry_sqlite.rows import RUN_COLUMNS, fit, fitting, in_utc, readable, run_row, utc
from telemetry_sqlite.store import (
    insert_rows,
    merged_run,
    store_records,
    stored_ids,
    stored_runs,
    update_run,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from sqlite3 import Connection

    from telemetry_core import RunRecord

_TIMES_AT = tuple(RUN_COLUMNS.index(name) for name in TIME_FIELDS)
_CREATED, _UPDATED = map(RUN_COLUMNS.index, ("created_at", "updated_at"))
_SETTABLE = frozenset(RUN_COLUMNS) - {"event_id", "revision"}
# What is said of a value that no column holds, where it is no ValueError.
_MISFIT = (TypeError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
_REFUSED = (sqlite3.IntegrityError, sqlite3.DataError, ValueError)


class Put(NamedTuple):
    """How many of several runs were new, how many merged, and why others are not stored, by id."""

    inserted: int
    duplicates: int
    refused: list[tuple[str, str]]


def put_run(connection: Connection, run: RunRecord, seen_ns: int) -> bool:
    """Store a run; false where its event id was known, and what the run says was merged in.

    A run that says not when it was created was created now. An end counts as later than what
    is stored of a run that has not ended, whatever became of that run meanwhile.

    Raises `sqlite3.IntegrityError` or `ValueError` for what no row can hold.
    """
    try:
        return _put(connection, run, iso8601(seen_ns))
    except UnicodeEncodeError:  # lone surrogates: written out, as the sink does
        return _put(connection, fitting(run), iso8601(seen_ns))
    except _MISFIT as error:
        raise ValueError(f"{run.event_id}: {error}") from error


def put_runs(connection: Connection, runs: Sequence[RunRecord], seen_ns: int) -> Put:
    """Store runs as `put_run` does each, those that are new many at a time.

    One that no row can hold keeps no other one out. Of those that are new the runs themselves are
    told when they were created and updated.
    """
    known = stored_ids(connection, [run.event_id for run in runs])
    new: dict[str, RunRecord] = {}
    again: list[RunRecord] = []
    for run in runs:
        if run.event_id in known or run.event_id in new:
            again.append(run)
        else:
            new[run.event_id] = run
    refused = [*_insert(connection, new.values(), seen_ns)]
    inserted = len(new) - len(refused)
    refused += _merge(connection, again, seen_ns)
    return Put(inserted, len(runs) - inserted - len(refused), refused)


def put_together(connection: Connection, told: Sequence[tuple[RunRecord, int]]) -> list[bool]:
    """Do for each run, with the time when it was seen, what `put_run` does; a third as costly.

    Raises what `put_run` and SQLite raise for any of them, with some of the others stored: to
    find who is to blame undo it, and put them one by one.
    """
    try:
        return _put_together(connection, told)
    except _MISFIT as error:
        raise ValueError(str(error)) from error


def patch_run(
    connection: Connection, event_id: str, changes: Mapping[str, Any], seen_ns: int
) -> RunRecord | None:
    """Do what `change_run` does and return the run as it is then; nothing without such a run."""
    changed = change_run(connection, event_id, changes, seen_ns)
    wanted = readable(event_id)
    return stored_runs(connection, [wanted])[wanted] if changed else None


def change_run(
    connection: Connection, event_id: str, changes: Mapping[str, Any], seen_ns: int
) -> bool:
    """Set exactly these columns of a run; false without such a run.

    Unlike what is merged this may take an end back. The run's revision goes up by one, and it
    was updated now. A status that is given is no inferred one.

    Raises `sqlite3.IntegrityError` or `ValueError` for what no row can hold.
    """
    if strange := sorted(changes.keys() - _SETTABLE):
        raise ValueError(f"{', '.join(strange)}: no column that can be set")
    values = {"updated_at": iso8601(seen_ns), **changes}
    if "status" in changes:
        values.setdefault("inferred", False)
    assigned = ", ".join(f"{name} = ?" for name in values)
    sql = (
        f"UPDATE agent_runs SET {assigned}, revision = coalesce(revision, 0) + 1 WHERE event_id = ?"
    )
    try:
        bound = [_column(name, value) for name, value in values.items()]
        return connection.execute(sql, [*bound, readable(event_id)]).rowcount > 0
    except _MISFIT as error:
        raise ValueError(f"{event_id}: {error}") from error


def _insert(
    connection: Connection, runs: Collection[RunRecord], seen_ns: int
) -> Iterator[tuple[str, str]]:
    now = iso8601(seen_ns)
    for run in runs:
        run.created_at = run.created_at or now
        run.updated_at = now
    try:
        insert_rows(connection, [_new_row(run, now) for run in runs])
        return
    except (*_REFUSED, *_MISFIT):  # what is stored already is merged with itself
        pass
    records = [
        Record(run.event_id, Kind.UPDATE_RUN, index, seen_ns, Lane.CRITICAL, run)
        for index, run in enumerate(runs)
    ]
    for event_id, rejection in store_records(connection, records).items():
        yield event_id, rejection.reason


def _merge(
    connection: Connection, runs: Iterable[RunRecord], seen_ns: int
) -> Iterator[tuple[str, str]]:
    for run in runs:
        try:
            put_run(connection, run, seen_ns)
        except _REFUSED as error:
            yield run.event_id, str(error)


def _put_together(connection: Connection, told: Sequence[tuple[RunRecord, int]]) -> list[bool]:
    known = stored_ids(connection, [run.event_id for run, _ in told])
    new: dict[str, tuple[RunRecord, int]] = {}
    for run, seen_ns in told:
        if run.event_id not in known:
            new.setdefault(run.event_id, (run, seen_ns))
    insert_rows(connection, [_new_row(run, iso8601(seen_ns)) for run, seen_ns in new.values()])
    return [
        (run.event_id in new and new[run.event_id][0] is run) or put_run(connection, run, seen_ns)
        for run, seen_ns in told
    ]


def _put(connection: Connection, run: RunRecord, now: str) -> bool:
    known = stored_runs(connection, [run.event_id]).get(run.event_id)
    if known is None:
        insert_rows(connection, [_new_row(run, now)])
        return True
    told = in_utc(run)
    if told.ended and not known.ended:
        told = evolve(told, revision=max(told.revision, known.revision))
    merged = evolve(merged_run(known, told), updated_at=known.updated_at)
    if merged != known:
        update_run(connection, known, evolve(merged, updated_at=now))
    return False


def _new_row(run: RunRecord, now: str) -> Sequence[Any]:
    """Return the row of a run that is not known yet."""
    row = [*run_row(run)]
    for index in _TIMES_AT:
        row[index] = utc(row[index])
    row[_CREATED] = row[_CREATED] or now
    row[_UPDATED] = row[_UPDATED] or now
    return row


def _column(name: str, value: Any) -> Any:
    """Return the value as the row of a run has it."""
    if name in JSON_FIELDS:
        return (
            value
            if value is None
            else readable(value if isinstance(value, str) else json_text(value))
        )
    return fit(name, utc(value) if name in TIME_FIELDS else value)
