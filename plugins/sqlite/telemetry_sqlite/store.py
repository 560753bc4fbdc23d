"""Writes records into an open transaction: events once, runs merged, each refusal by itself."""

from __future__ import annotations

import sqlite3
from itertools import chain, compress
from typing import TYPE_CHECKING

from telemetry_core import Rejection, RunEvent, RunRecord, merge_runs
from telemetry_sqlite.packing import whole_rows
from telemetry_sqlite.rows import (
    EVENT_COLUMNS,
    RUN_COLUMNS,
    event_rows,
    normalized,
    run_record,
    run_row,
    storable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from sqlite3 import Connection

    from telemetry_core import Record

_IDS_AT_ONCE = 500

# "OR IGNORE" would pass over every constraint in silence; here it is only the id that may be known.
_INSERT_EVENT = (
    f"INSERT INTO run_events ({', '.join(EVENT_COLUMNS)})"
    f" VALUES ({', '.join('?' * len(EVENT_COLUMNS))}) ON CONFLICT (event_id) DO NOTHING"
)
_INSERT_RUN = f"INSERT INTO agent_runs ({', '.join(RUN_COLUMNS)}) VALUES "
# Since there are triggers, each statement copies first what pages it changes: many runs in one
# are quicker. Every SQLite takes 999 values.
_RUNS_AT_ONCE = 999 // len(RUN_COLUMNS)
SELECT_EVENT = f"SELECT id, {', '.join(EVENT_COLUMNS)} FROM run_events"

# What one record may be to blame for, told by each stage of the way into its row.
_BLAME = (
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
    sqlite3.IntegrityError,
    sqlite3.DataError,
)
_PERHAPS_BLAME = (*_BLAME, sqlite3.InterfaceError, sqlite3.ProgrammingError)


def store_records(connection: Connection, records: Iterable[Record]) -> dict[str, Rejection]:
    """Write the records and return those that no row can hold, by record id, with the reason."""
    events: list[Record] = []
    runs: list[Record] = []
    for record in records:
        (events if isinstance(record.body, RunEvent) else runs).append(record)
    return {
        **_all_or_each(connection, events, _insert_events),
        **_all_or_each(connection, runs, _merge_in),
    }


def stored_runs(connection: Connection, event_ids: Sequence[str]) -> dict[str, RunRecord]:
    """Return the stored runs of these ids."""
    rows = chain.from_iterable(
        whole_rows(connection, which, some) for which, some in _among(event_ids)
    )
    return {run.event_id: run for run in map(run_record, rows)}


def stored_ids(connection: Connection, event_ids: Sequence[str]) -> set[str]:
    """Return those of these event ids that are stored."""
    rows = chain.from_iterable(
        connection.execute(f"SELECT event_id FROM agent_runs {which}", some)
        for which, some in _among(event_ids)
    )
    return {event_id for (event_id,) in rows}


def _among(event_ids: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Give a condition and its values for as many ids as one statement takes."""
    for start in range(0, len(event_ids), _IDS_AT_ONCE):
        some = event_ids[start : start + _IDS_AT_ONCE]
        yield f"WHERE event_id IN ({', '.join('?' * len(some))})", some


def _all_or_each(
    connection: Connection,
    records: Sequence[Record],
    write: Callable[[Connection, Sequence[Record]], None],
) -> dict[str, Rejection]:
    """Write all at once; where that fails, one by one, to find who is to blame.

    What the failed attempt wrote before it met the offender is harmless: writing a record twice
    is writing it once.
    """
    try:
        write(connection, records)
        return {}
    except _PERHAPS_BLAME:
        refused = {}
    for record in records:
        try:
            write(connection, [storable(record)])
        except _BLAME as error:
            code = "constraint" if isinstance(error, sqlite3.IntegrityError) else "unstorable"
            refused[record.id] = Rejection(code, str(error))
    return refused


def _insert_events(connection: Connection, records: Sequence[Record]) -> None:
    events = [record.body for record in records if isinstance(record.body, RunEvent)]
    connection.executemany(_INSERT_EVENT, event_rows(events))


def _merge_in(connection: Connection, records: Sequence[Record]) -> None:
    runs = [
        normalized(record.body, record.time_ns)
        for record in records
        if isinstance(record.body, RunRecord)
    ]
    stored = stored_runs(connection, list({run.event_id for run in runs}))
    merged = dict(stored)
    for run in runs:
        known = merged.get(run.event_id)
        merged[run.event_id] = run if known is None else merged_run(known, run)
    new = [run_row(run) for event_id, run in merged.items() if event_id not in stored]
    insert_rows(connection, new)
    for event_id, known in stored.items():
        if merged[event_id] != known:
            update_run(connection, known, merged[event_id])


def insert_rows(connection: Connection, rows: Sequence[Sequence[object]]) -> None:
    """Store runs whose event ids are not known, each once.

    Half of a run is mostly null. A null that is bound costs more than any other value, so what
    none of the runs has is null in the statement itself.
    """
    for start in range(0, len(rows), _RUNS_AT_ONCE):
        some = rows[start : start + _RUNS_AT_ONCE]
        used = [column.count(None) < len(some) for column in zip(*some, strict=True)]
        one = f"({', '.join('?' if is_used else 'NULL' for is_used in used)})"
        values = chain.from_iterable(compress(row, used) for row in some)
        connection.execute(_INSERT_RUN + ", ".join([one] * len(some)), [*values])


def update_run(connection: Connection, known: RunRecord, run: RunRecord) -> None:
    """Change a stored run to what it is now.

    Only the columns that differ: SQLite writes every index anew that has one of those assigned.
    """
    before, after = run_row(known), run_row(run)
    changed = [index for index, value in enumerate(after) if value != before[index]]
    if changed:
        assigned = ", ".join(f"{RUN_COLUMNS[index]} = ?" for index in changed)
        values = [after[index] for index in changed]
        sql = f"UPDATE agent_runs SET {assigned} WHERE event_id = ?"
        connection.execute(sql, [*values, run.event_id])


def merged_run(known: RunRecord, run: RunRecord) -> RunRecord:
    """Merge, but keep what only a store knows: whether a run was posted, and how often tried."""
    merged = merge_runs(known, run)
    merged.api_posted = known.api_posted or run.api_posted
    merged.api_posted_at = known.api_posted_at or run.api_posted_at
    merged.api_retry_count = max(known.api_retry_count, run.api_retry_count)
    return merged
