"""Ends runs that were left running: their program is gone, for all that the database knows."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from telemetry_core import (
    Kind,
    Lane,
    Record,
    SystemClock,
    calculate_duration_ms,
    derived_id,
    iso8601,
    normalize_status,
)
from telemetry_sqlite.care.explaining import explaining
from telemetry_sqlite.database import Database, reading
from telemetry_sqlite.filtering import RunFilter
from telemetry_sqlite.queries import RunQueries
from telemetry_sqlite.rows import utc
from telemetry_sqlite.store import store_records, stored_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection

    from telemetry_core import RunRecord
    from telemetry_sqlite.care.progress import Shown

_AT_ONCE = 200
_LAST_EVENT = "SELECT max(timestamp) FROM run_events WHERE run_id = ?"
_WORD = "Nobody ended this run"
_HOW = "It was closed as stale, since nothing was heard of it later than its end says."


def stale_runs(path: str, before: str, agent_name: str | None = None) -> Iterator[dict[str, Any]]:
    """Give the runs left running of which nothing was heard since a moment, the newest first.

    What is heard of a run is its start, its updates and its events. Each row says under
    `last_heard` when that was. A run whose times cannot be read is none of them.

    :param before: the moment, ISO 8601.
    """
    queries, after = RunQueries(path), None
    which = RunFilter(status="running", agent_name=agent_name)
    moment = str(utc(before))
    while True:
        page = queries.list_runs(which, limit=_AT_ONCE, after=after)
        with reading(path) as connection:
            for row in page.rows:
                row["last_heard"] = _last_heard(connection, row)
        yield from (row for row in page.rows if row["last_heard"] and row["last_heard"] < moment)
        after = page.next
        if after is None:
            return


def close_stale_runs(
    path: str,
    before: str,
    *,
    agent_name: str | None = None,
    status: str = "cancelled",
    wait: float = 30.0,
    progress: Shown | None = None,
) -> list[dict[str, Any]]:
    """End the stale runs and return them as they were found; safe while programs write.

    Their ends are inferred: an explicit one that arrives later takes their place. A run that
    somebody ends meanwhile keeps that end.

    :param before: the moment since which nothing was heard of a stale run, ISO 8601.
    :param wait: seconds to wait for others at each batch; raises `DatabaseUnusableError` then.
    :param progress: told how many are done, and of how many.
    """
    word = normalize_status(status)
    found = list(stale_runs(path, before, agent_name))
    with explaining(f"{path}: not every stale run was closed"), closing(Database(path)) as database:
        for start in range(0, len(found), _AT_ONCE):
            if progress is not None:
                progress(start, len(found))
            some = found[start : start + _AT_ONCE]
            deadline = SystemClock.monotonic() + wait
            database.write(partial(_end, rows=some, status=word), deadline)
    return found


def _last_heard(connection: Connection | None, row: dict[str, Any]) -> str:
    """Return the latest moment at which a run showed itself; empty where none can be read."""
    event = connection.execute(_LAST_EVENT, [row["run_id"]]).fetchone()[0] if connection else None
    told = (row["start_time"], row["updated_at"], event)
    return max((moment for moment in map(utc, told) if _is_time(moment)), default="")


def _is_time(moment: Any) -> bool:
    return isinstance(moment, str) and moment[:1].isdigit() and moment.endswith("+00:00")


def _end(connection: Connection, rows: Iterable[dict[str, Any]], status: str) -> None:
    heard = {row["event_id"]: row["last_heard"] for row in rows}
    running = [run for run in stored_runs(connection, list(heard)).values() if not run.ended]
    store_records(connection, [_ended(run, heard[run.event_id], status) for run in running])


def _ended(run: RunRecord, last_heard: str, status: str) -> Record:
    """Return the inferred end of a run, as whoever adopts a dead program's records writes it."""
    now = SystemClock.time_ns()
    start = run.start_time if _is_time(utc(run.start_time)) else last_heard
    end = evolve(
        run,
        status=status,
        end_time=last_heard,
        duration_ms=calculate_duration_ms(start, last_heard),
        error_summary=f"{_WORD}; it was last heard of at {last_heard}",
        error_details=_HOW,
        inferred=True,
        updated_at=iso8601(now),
    )
    return Record(derived_id(run.event_id, "stale"), Kind.END_RUN, 0, now, Lane.CRITICAL, end)
