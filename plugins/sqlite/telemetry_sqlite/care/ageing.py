"""Tells which runs and events are older than a moment, whatever form their times have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field

from telemetry_core import parse_iso8601
from telemetry_sqlite.care.pages import used_bytes
from telemetry_sqlite.damage import file_id
from telemetry_sqlite.database import reading, refuse_another_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

    from telemetry_sqlite.care.progress import Shown

    Row = tuple[Any, ...]

LOOSE = "run_id IS NULL OR NOT EXISTS (SELECT 1 FROM agent_runs r WHERE r.run_id = e.run_id)"
RUNS = "SELECT id, run_id, status, created_at FROM agent_runs WHERE id > ? ORDER BY id LIMIT ?"
EVENTS = f"SELECT id, timestamp, {LOOSE} FROM run_events e WHERE id > ? ORDER BY id LIMIT ?"
_WINDOW = 1000  # rows that are read in one go, between which others may commit
_RUNNING = "running"


@define
class Tally:
    """How much is deleted, or would be.

    :ivar runs: by status.
    :ivar events: those of these runs; `loose_events`: those of no run that is there.
    :ivar running: runs that are old enough, and stay because they have not ended.
    :ivar timeless: runs and events that stay because nobody can read their time.
    :ivar bytes: about how much room the rows take.
    """

    runs: Counter[str] = field(factory=Counter)
    events: int = 0
    loose_events: int = 0
    running: int = 0
    timeless: int = 0
    bytes: int = 0

    @property
    def rows(self) -> int:
        """Return how many rows these are."""
        return self.runs.total() + self.events + self.loose_events

    def add(self, other: Tally) -> None:
        """Count what another tally counts too."""
        self.runs.update(other.runs)
        self.events += other.events
        self.loose_events += other.loose_events


def survey(path: str, before_ns: int, progress: Shown) -> Tally:
    """Return what is older than the moment and can go; writes nothing."""
    tally = Tally()
    seen, total = 0, _count_rows(path)
    for connection, window in windows(path, RUNS):
        _count_runs(connection, window, before_ns, tally)
        progress(seen := seen + len(window), total)
    for _, window in windows(path, EVENTS):
        _count_loose(window, before_ns, tally)
        progress(seen := seen + len(window), total)
    tally.bytes = used_bytes(path) * tally.rows // max(total, 1)
    return tally


def windows(path: str, sql: str) -> Iterator[tuple[Connection, list[Row]]]:
    """Give all rows of a table, some at a time, and a connection that has no transaction open."""
    last, known = 0, file_id(path)
    with reading(path) as connection:
        while connection and (rows := connection.execute(sql, (last, _WINDOW)).fetchall()):
            last = rows[-1][0]
            yield connection, rows
            refuse_another_file(path, known)


def is_over(status: str, created_at: Any, before_ns: int) -> bool:
    """Whether a run has ended and was created before the moment."""
    return status != _RUNNING and is_older(created_at, before_ns)


def is_older(time: Any, before_ns: int) -> bool:
    """Whether a time of any offset, or without one in UTC, is before the moment."""
    moment = _instant(time)
    return moment is not None and moment < before_ns


def family(connection: Connection, run_id: str) -> list[Row]:
    """Return id, status and time of every run of one run id: events belong to all of these."""
    sql = "SELECT id, status, created_at FROM agent_runs WHERE run_id = ? ORDER BY id"
    return connection.execute(sql, (run_id,)).fetchall()


def _count_runs(connection: Connection, window: list[Row], before_ns: int, tally: Tally) -> None:
    for key, run_id, status, created_at in window:
        moment = _instant(created_at)
        if moment is None:
            tally.timeless += 1
        elif moment >= before_ns:
            continue
        elif status == _RUNNING:
            tally.running += 1
        else:
            tally.runs[status] += 1
            tally.events += _events_with(connection, key, run_id, before_ns)


def _events_with(connection: Connection, key: int, run_id: str, before_ns: int) -> int:
    """Return how many events go with a run; those of several runs go with the first of them."""
    members = family(connection, run_id)
    first = members[0][0] == key
    if not first or not all(is_over(status, time, before_ns) for _, status, time in members):
        return 0
    sql = "SELECT count(*) FROM run_events WHERE run_id = ?"
    return int(connection.execute(sql, (run_id,)).fetchone()[0])


def _count_loose(window: list[Row], before_ns: int, tally: Tally) -> None:
    for _, timestamp, loose in window:
        if loose:
            tally.timeless += _instant(timestamp) is None
            tally.loose_events += is_older(timestamp, before_ns)


def _instant(time: Any) -> int | None:
    try:
        return parse_iso8601(str(time))
    except (ValueError, OverflowError):
        return None


def _count_rows(path: str) -> int:
    with reading(path) as connection:
        if connection is None:
            return 0
        sql = "SELECT (SELECT count(*) FROM agent_runs) + (SELECT count(*) FROM run_events)"
        return int(connection.execute(sql).fetchone()[0])
