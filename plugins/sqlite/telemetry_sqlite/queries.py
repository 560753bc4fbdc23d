"""Asks the database for runs, events and figures; never writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from telemetry_core import (
    RunRecord,
    SystemClock,
    get_iso8601_timestamp,
    iso8601,
)
from telemetry_sqlite.database import reading
from telemetry_sqlite.errors import AmbiguousIdError
from telemetry_sqlite.filtering import EVERY_RUN, RunFilter, where
from telemetry_sqlite.rows import event_dict, readable, run_dict
from telemetry_sqlite.store import SELECT_EVENT, SELECT_RUN

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from telemetry_sqlite.following import Follower

_DAY = 86_400 * 1_000_000_000
_LAST = "\U0010ffff"  # sorts behind every other character
_COUNTS = {
    "by_status": "SELECT status, count(*) FROM agent_runs GROUP BY status",
    "agents": "SELECT agent_name, count(*) FROM agent_runs GROUP BY agent_name"
    " ORDER BY count(*) DESC, agent_name",
}
_JOBS = (
    "SELECT job_type, count(*) FROM agent_runs GROUP BY job_type ORDER BY count(*) DESC, job_type"
)
_UNPOSTED = "api_posted = 0 AND status <> 'running'"

# Two terms, because the first one alone tells SQLite where in the index to begin.
_BEHIND = "{by} <= ? AND ({by} < ? OR id > ?)"
_ORDERS = ("created_at", "start_time")

Place = tuple[str, int]


@define(frozen=True)
class Page:
    """Some rows, and the place after which the next ones come, if any do."""

    rows: list[dict[str, Any]] = field(factory=list)
    next: Place | None = None


class RunQueries:
    """Reads the runs database; each call on a connection of its own, so from any thread.

    A row is a dictionary with every column by its name. Where no database has been begun there
    is nothing to find. What keeps SQLite from reading is raised as `DatabaseUnusableError`.
    """

    where = RunFilter  # for those who were given the store and do not know this module

    def __init__(self, path: str) -> None:
        self.path = path

    def list_runs(
        self,
        which: RunFilter = EVERY_RUN,
        *,
        limit: int = 100,
        offset: int = 0,
        after: Place | None = None,
        by: str = "created_at",
    ) -> Page:
        """Return runs, the newest first; runs of one moment in the order they came.

        :param after: the `next` of the page before; unlike `offset` it costs the same on any page.
        :param by: what makes a run new, `created_at` or `start_time`; the latter where a window
            of start times is asked for, which then is read and nothing beside it.
        """
        if by not in _ORDERS:
            raise ValueError(f"by is {by!r}; it must be one of {', '.join(_ORDERS)}")
        conditions, values = which.conditions()
        if after is not None:
            conditions.append(_BEHIND.format(by=by))
            values += [after[0], *after]
        sql = f"{SELECT_RUN} {where(conditions)} ORDER BY {by} DESC, id LIMIT ? OFFSET ?"
        rows = self._rows(sql, [*values, limit + 1, offset], run_dict)
        return _page(rows, limit, by)

    def get_run(self, id: str) -> RunRecord | None:
        """Return the run of this event id or run id; of several with one run id the newest."""
        found = self._exactly(readable(id))
        return None if found is None else RunRecord.from_dict(found)

    def find_run(self, id: str) -> dict[str, Any] | None:
        """Return the row that `get_run` would, or the only one whose id begins so.

        Raises `AmbiguousIdError` when several ids begin like this.
        """
        wanted = readable(id)
        return self._exactly(wanted) or (self._beginning_with(wanted) if wanted else None)

    def list_events(self, run_id: str, *, limit: int = 1000, after: Place | None = None) -> Page:
        """Return the events of a run in the order in which they happened."""
        sql = f"{SELECT_EVENT} WHERE run_id = ?"
        values: list[Any] = [readable(run_id)]
        if after is not None:
            sql += " AND (timestamp, id) > (?, ?)"
            values += after
        rows = self._rows(f"{sql} ORDER BY timestamp, id LIMIT ?", [*values, limit + 1], event_dict)
        return _page(rows, limit, "timestamp")

    def children(self, run_id: str, *, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the runs that this run started, the first one first."""
        sql = f"{SELECT_RUN} WHERE parent_run_id = ? ORDER BY start_time, id LIMIT ?"
        return self._rows(sql, [readable(run_id), limit], run_dict)

    def pending_api_posts(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return runs that have ended and were not yet posted, the oldest first."""
        sql = f"{SELECT_RUN} WHERE {_UNPOSTED} ORDER BY created_at, id LIMIT ?"
        return self._rows(sql, [limit], run_dict)

    def get_stats(self, now_ns: int | None = None) -> dict[str, Any]:
        """Return total_runs, by_status, agents, recent_24h, pending_api_posts and the timestamp."""
        day_ago = iso8601((SystemClock.time_ns() if now_ns is None else now_ns) - _DAY)
        with reading(self.path) as connection:
            counts = {name: _count_each(connection, sql) for name, sql in _COUNTS.items()}
            recent = _count(connection, "created_at >= ?", day_ago)
            pending = _count(connection, _UNPOSTED)
        return {
            "total_runs": sum(counts["by_status"].values()),
            **counts,
            "recent_24h": recent,
            "pending_api_posts": pending,
            "timestamp": get_iso8601_timestamp() if now_ns is None else iso8601(now_ns),
        }

    def figures(self, which: RunFilter = EVERY_RUN) -> dict[str, Any]:
        """Return how often and how well what was run, and how long it took; see `figures_of`."""
        from telemetry_sqlite.figures import figures_of

        with reading(self.path) as connection:
            return figures_of(connection, which)

    def agent_names(self) -> dict[str, int]:
        """Return every agent with the number of its runs, the busiest first."""
        return self._counts(_COUNTS["agents"])

    def job_types(self) -> dict[str, int]:
        """Return every job with the number of its runs, the most frequent first."""
        return self._counts(_JOBS)

    def follow(self, which: RunFilter = EVERY_RUN) -> Follower:
        """Return what gives new and changed runs whenever it is asked, from now on."""
        from telemetry_sqlite.following import Follower

        return Follower(self.path, which)

    def ids_beginning(self, beginning: str, *, limit: int = 50) -> list[str]:
        """Return run ids that begin so, in their order."""
        sql = "SELECT DISTINCT run_id FROM agent_runs WHERE run_id >= ? AND run_id < ?"
        wanted = readable(beginning)
        with reading(self.path) as connection:
            if connection is None:
                return []
            found = connection.execute(
                f"{sql} ORDER BY run_id DESC LIMIT ?", (wanted, wanted + _LAST, limit)
            )
            return [run_id for (run_id,) in found]

    def _counts(self, sql: str) -> dict[str, int]:
        with reading(self.path) as connection:
            return _count_each(connection, sql)

    def _exactly(self, wanted: str) -> dict[str, Any] | None:
        for condition in ("event_id = ?", "run_id = ?"):
            sql = f"{SELECT_RUN} WHERE {condition} ORDER BY created_at DESC, id DESC LIMIT 1"
            if found := self._rows(sql, [wanted], run_dict):
                return found[0]
        return None

    def _beginning_with(self, beginning: str) -> dict[str, Any] | None:
        found: dict[str, dict[str, Any]] = {}
        for column in ("event_id", "run_id"):
            sql = f"{SELECT_RUN} WHERE {column} >= ? AND {column} < ? ORDER BY {column} LIMIT 3"
            rows = self._rows(sql, [beginning, beginning + _LAST], run_dict)
            found.update((row["event_id"], row) for row in rows)
        if len(found) > 1:
            some = ", ".join(sorted(row["run_id"] for row in found.values()))
            raise AmbiguousIdError(f"several runs begin with {beginning!r}: {some}; say more of it")
        return next(iter(found.values()), None)

    def _rows(
        self, sql: str, values: list[Any], read: Callable[[Any], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        with reading(self.path) as connection:
            rows = [] if connection is None else connection.execute(sql, values).fetchall()
        return [read(row) for row in rows]


def _page(rows: list[dict[str, Any]], limit: int, ordered_by: str) -> Page:
    """Cut off the row that was asked for only to learn whether there are more."""
    if len(rows) <= limit:
        return Page(rows)
    last = rows[limit - 1]
    return Page(rows[:limit], (last[ordered_by], last["id"]))


def _count(connection: Connection | None, condition: str, *values: Any) -> int:
    if connection is None:
        return 0
    sql = f"SELECT count(*) FROM agent_runs WHERE {condition}"
    return int(connection.execute(sql, values).fetchone()[0])


def _count_each(connection: Connection | None, sql: str) -> dict[str, int]:
    return {} if connection is None else dict(connection.execute(sql).fetchall())
