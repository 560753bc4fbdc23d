"""Asks the database for runs, events and figures; never writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from telemetry_core import (
    RunRecord,
    SystemClock,
    get_iso8601_timestamp,
    iso8601,
    normalize_status,
)
from telemetry_sqlite.database import reading
from telemetry_sqlite.errors import AmbiguousIdError
from telemetry_sqlite.rows import EVENT_COLUMNS, event_dict, readable, run_dict, utc
from telemetry_sqlite.store import SELECT_RUN

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

_DAY = 86_400 * 1_000_000_000
_LAST = "\U0010ffff"  # sorts behind every other character
_SELECT_EVENT = f"SELECT id, {', '.join(EVENT_COLUMNS)} FROM run_events"
_COUNTS = {
    "by_status": "SELECT status, count(*) FROM agent_runs GROUP BY status",
    "agents": "SELECT agent_name, count(*) FROM agent_runs GROUP BY agent_name"
    " ORDER BY count(*) DESC, agent_name",
}
_UNPOSTED = "api_posted = 0 AND status <> 'running'"

# Two terms, because the first one alone tells SQLite where in the index to begin.
_BEHIND = "created_at <= ? AND (created_at < ? OR id > ?)"

Place = tuple[str, int]


@define(frozen=True)
class RunFilter:
    """Which runs to list; nothing, or an empty text, for a field that does not matter.

    `created_*` exclude the moment itself, `start_time_*` include it; all are ISO 8601.
    """

    agent_name: str | None = None
    job_type: str | None = None
    status: str | None = None
    parent_run_id: str | None = None
    created_after: str | None = None
    created_before: str | None = None
    start_time_from: str | None = None
    start_time_to: str | None = None

    def conditions(self) -> tuple[list[str], list[Any]]:
        """Return the conditions in SQL, and their values.

        Raises `UnknownStatusError` for a status that no run can have.
        """
        wanted = [
            ("agent_name = ?", self.agent_name),
            ("job_type = ?", self.job_type),
            ("status = ?", normalize_status(self.status) if self.status else None),
            ("parent_run_id = ?", self.parent_run_id),
            ("created_at > ?", utc(self.created_after)),
            ("created_at < ?", utc(self.created_before)),
            ("start_time >= ?", utc(self.start_time_from)),
            ("start_time <= ?", utc(self.start_time_to)),
        ]
        given = [(condition, readable(value)) for condition, value in wanted if value]
        return [condition for condition, _ in given], [value for _, value in given]


EVERY_RUN = RunFilter()


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
    ) -> Page:
        """Return runs, the newest first; runs created at one moment in the order they came.

        :param after: the `next` of the page before; unlike `offset` it costs the same on any page.
        """
        conditions, values = which.conditions()
        if after is not None:
            conditions.append(_BEHIND)
            values += [after[0], *after]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"{SELECT_RUN} {where} ORDER BY created_at DESC, id LIMIT ? OFFSET ?"
        rows = self._rows(sql, [*values, limit + 1, offset], run_dict)
        return _page(rows, limit, "created_at")

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
        sql = f"{_SELECT_EVENT} WHERE run_id = ?"
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
