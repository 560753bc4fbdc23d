"""Deletes what is older than a moment, a little at a time."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from telemetry_sqlite.care.ageing import (
    EVENTS,
    LOOSE,
    RUNS,
    Tally,
    family,
    is_older,
    is_over,
    windows,
)
from telemetry_sqlite.care.explaining import explaining
from telemetry_sqlite.care.pace import Pace
from telemetry_sqlite.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from sqlite3 import Connection

    Row = tuple[Any, ...]

_DELETE_RUN = "DELETE FROM agent_runs WHERE id = ?"
_DELETE_EVENTS = (
    "DELETE FROM run_events WHERE id IN (SELECT id FROM run_events WHERE run_id = ? LIMIT ?)"
)
_DELETE_LOOSE = f"DELETE FROM run_events AS e WHERE id = ? AND timestamp IS ? AND ({LOOSE})"


def sweep(path: str, before_ns: int, tally: Tally, progress: Callable[[int], object]) -> None:
    """Delete runs that were created before the moment and have ended, with their events.

    Then events of no run that is there, by their own time. Each piece is a transaction of its
    own: interrupted, what the tally counts is deleted, and at most one piece more.

    :param tally: counts what is deleted, as soon as it is.
    """
    with explaining(f"{path} was not swept to the end"), closing(Database(path)) as database:
        pace = Pace(database)
        for _, window in windows(path, RUNS):
            runs = [row for row in window if is_over(row[2], row[3], before_ns)]
            while runs:
                done, deleted = pace.do(partial(_delete_runs, runs, before_ns))
                runs = runs[done:]
                tally.add(deleted)
                progress(tally.rows)
        for _, window in windows(path, EVENTS):
            events = [
                (key, time) for key, time, loose in window if loose and is_older(time, before_ns)
            ]
            while events:
                done, deleted = pace.do(partial(_delete_loose, events))
                events = events[done:]
                tally.add(deleted)
                progress(tally.rows)


def _delete_runs(
    runs: Sequence[Row], before_ns: int, connection: Connection, room: int
) -> tuple[int, Tally]:
    """Delete runs until the room is used up; returns how many are done with, and what is gone.

    What is known of a run may have changed since it was read, so it is asked for again. The
    events of several runs with one run id stay until the last of these goes.
    """
    deleted = Tally()
    for done, (key, run_id, status, _) in enumerate(runs):
        members = {
            member: is_over(now, created_at, before_ns)
            for member, now, created_at in family(connection, run_id)
        }
        if not members.get(key):
            continue
        if all(members.values()):
            deleted.events += connection.execute(
                _DELETE_EVENTS, (run_id, room - deleted.rows)
            ).rowcount
        if deleted.rows >= room:
            return done, deleted
        connection.execute(_DELETE_RUN, (key,))
        deleted.runs[status] += 1
    return len(runs), deleted


def _delete_loose(events: Sequence[Row], connection: Connection, room: int) -> tuple[int, Tally]:
    """Delete events, unless they belong to a run by now, or a backup that was restored has others."""
    some = events[:room]
    gone = connection.executemany(_DELETE_LOOSE, some).rowcount
    return len(some), Tally(loose_events=gone)
