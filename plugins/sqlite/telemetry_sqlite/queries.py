"""Asks the database for runs, events and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import finalize

from attrs import define, field

from telemetry_core import HOUR, RunRecord, SystemClock, figures_of, iso8601
from telemetry_sqlite import tallies
from telemetry_sqlite.errors import AmbiguousIdError
from telemetry_sqlite.filtering import EVERY_RUN, RunFilter, where
from telemetry_sqlite.listing import LAST, Place, RowPage, page_of
from telemetry_sqlite.packing import whole_rows
from telemetry_sqlite.readers import OwnReaders, Readers
from telemetry_sqlite.rows import event_dict, readable, run_dict, run_of
from telemetry_sqlite.store import SELECT_EVENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from sqlite3 import Connection

    from telemetry_sqlite.following import Follower
    from telemetry_sqlite.tallies import Names, Totals

_DAY = 86_400 * 1_000_000_000
_AT_ONCE = 1000  # rows in one read: while SQLite reads, nobody can commit
# Nobody knows how long a run took that never said its end.
_COUNTED = (
    f"SELECT agent_name, job_type, status, substr(start_time, 1, {HOUR}),"
    " CASE WHEN end_time IS NOT NULL AND NOT coalesce(inferred, 0)"
    " AND typeof(duration_ms) IN ('integer', 'real') THEN duration_ms END"
    " FROM agent_runs"
)
_BY_STATUS = "SELECT status, count(*) FROM agent_runs GROUP BY status"
_UNPOSTED = "api_posted = 0 AND status <> 'running'"

# Two terms, because the first one alone tells SQLite where in the index to begin.
_BEHIND = "{by} <= ? AND ({by} < ? OR id > ?)"
_ORDERS = ("created_at", "start_time")


@define(frozen=True)
class Page:
    """Some rows, and the place after which the next ones come, if any do."""

    rows: list[dict[str, Any]] = field(factory=list)
    next: Place | None = None


class RunQueries:
    """Reads the runs database, from any thread, and never more than some rows in one go.

    A row is a dictionary with every column by its name. Where no database has been begun there
    is nothing to find. What keeps SQLite from reading is raised as `DatabaseUnusableError`.

    :param readers: connections that are kept; without them one is, as long as this object lives.
    """

    where = RunFilter  # for those who were given the store and do not know this module

    def __init__(self, path: str, readers: Readers | None = None) -> None:
        self.path = path
        if readers is None:
            readers = OwnReaders(path, kept=1)
            finalize(self, readers.close)
        self._readers = readers

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
        if by == "created_at":
            found = self.list_rows(which, limit=limit, offset=offset, after=after)
            return Page([run_dict(row) for row in found.rows], found.next)
        if by not in _ORDERS:
            raise ValueError(f"by is {by!r}; it must be one of {', '.join(_ORDERS)}")
        conditions, values = which.conditions()
        if after is not None:
            conditions.append(_BEHIND.format(by=by))
            values += [after[0], *after]
        rest = f"{where(conditions)} ORDER BY {by} DESC, id LIMIT ? OFFSET ?"
        rows = self._runs(rest, [*values, limit + 1, offset])
        return _page(rows, limit, by)

    def list_rows(
        self,
        which: RunFilter = EVERY_RUN,
        *,
        limit: int = 100,
        offset: int = 0,
        after: Place | None = None,
    ) -> RowPage:
        """Return the same as rows, each the values of `ROW_COLUMNS`."""
        rows: list[tuple[Any, ...]] = []
        which.equal()  # raises for a wrong one also where there is no database
        while (wanted := min(limit - len(rows), _AT_ONCE)) > 0:
            with self._reading() as connection:
                if connection is None:
                    return RowPage(rows)
                page = page_of(connection, which, limit=wanted, offset=offset, after=after)
            rows += page.rows
            offset, after = 0, page.next
            if after is None:
                break
        return RowPage(rows, after)

    def one_row(self, event_id: str) -> tuple[Any, ...] | None:
        """Return the row of the run of this event id."""
        rows = self._whole_rows("WHERE event_id = ?", [readable(event_id)])
        return rows[0] if rows else None

    def count(self, which: RunFilter = EVERY_RUN) -> int:
        """Return how many runs are meant."""
        conditions, values = which.conditions()
        with self._reading() as connection:
            return _count(connection, where(conditions), *values)

    def totals(self, now_ns: int | None = None) -> Totals:
        """Return total_runs, agents with their number of runs, and recent_24h; at once."""
        with self._reading() as connection:
            return tallies.totals(connection, _now(now_ns))

    def names(self) -> Names:
        """Return agent_names and job_types in their order; at once."""
        with self._reading() as connection:
            return tallies.names(connection)

    def get_run(self, id: str) -> RunRecord | None:
        """Return the run of this event id or run id; of several with one run id the newest."""
        found = self._exactly(readable(id))
        return None if found is None else run_of(found)

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
        sql += " ORDER BY timestamp, id LIMIT ?"
        with self._reading() as connection:
            if connection is None:
                return Page()
            rows = connection.execute(sql, [*values, limit + 1]).fetchall()
        return _page([event_dict(row) for row in rows], limit, "timestamp")

    def children(self, run_id: str, *, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the runs that this run started, the first one first."""
        rest = "WHERE parent_run_id = ? ORDER BY start_time, id LIMIT ?"
        return self._runs(rest, [readable(run_id), limit])

    def pending_api_posts(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return runs that have ended and were not yet posted, the oldest first."""
        return self._runs(f"WHERE {_UNPOSTED} ORDER BY created_at, id LIMIT ?", [limit])

    def note_posts(self, posted: Mapping[str, str], failed: Mapping[str, int]) -> set[str]:
        """Note what a sink says of its posts: when, or how often in vain; return the runs known.

        The only thing that is written here, for a moment: a busy database is not waited for.
        """
        from telemetry_sqlite.posting import note_posts

        return note_posts(self.path, posted, failed)

    def get_stats(self, now_ns: int | None = None) -> dict[str, Any]:
        """Return total_runs, by_status, agents, recent_24h, pending_api_posts and the timestamp."""
        now_ns = _now(now_ns)
        with self._reading() as connection:
            by_status = (
                {} if connection is None else dict(connection.execute(_BY_STATUS).fetchall())
            )
            pending = _count(connection, f"WHERE {_UNPOSTED}")
            agents = tallies.runs_by(connection, "agent")
            recent = tallies.recent(connection, iso8601(now_ns - _DAY))
        return {
            "total_runs": sum(by_status.values()),
            "by_status": by_status,
            "agents": agents,
            "recent_24h": recent,
            "pending_api_posts": pending,
            "timestamp": iso8601(now_ns),
        }

    def figures(self, which: RunFilter = EVERY_RUN) -> dict[str, Any]:
        """Return how often and how well what was run, and how long it took; see `figures_of`."""
        clause, values = which.where()
        with self._reading() as connection:
            sql = f"{_COUNTED} {clause}"
            return figures_of(() if connection is None else connection.execute(sql, values))

    def agent_names(self) -> dict[str, int]:
        """Return every agent with the number of its runs, the busiest first."""
        with self._reading() as connection:
            return tallies.runs_by(connection, "agent")

    def job_types(self) -> dict[str, int]:
        """Return every job with the number of its runs, the most frequent first."""
        with self._reading() as connection:
            return tallies.runs_by(connection, "job")

    def follow(self, which: RunFilter = EVERY_RUN) -> Follower:
        """Return what gives new and changed runs whenever it is asked, from now on."""
        from telemetry_sqlite.following import Follower

        return Follower(self._reading, which)

    def ids_beginning(self, beginning: str, *, limit: int = 50) -> list[str]:
        """Return run ids that begin so, in their order."""
        sql = "SELECT DISTINCT run_id FROM agent_runs WHERE run_id >= ? AND run_id < ?"
        wanted = readable(beginning)
        with self._reading() as connection:
            if connection is None:
                return []
            found = connection.execute(
                f"{sql} ORDER BY run_id DESC LIMIT ?", (wanted, wanted + LAST, limit)
            )
            return [run_id for (run_id,) in found]

    def rows_beginning(self, beginning: str, *, limit: int = 1000) -> list[tuple[Any, ...]]:
        """Return the rows of runs whose event id or run id begins so, in the order they came."""
        wanted = readable(beginning)
        found: dict[int, tuple[Any, ...]] = {}
        for column in ("event_id", "run_id"):
            rest = f"WHERE {column} >= ? AND {column} < ? ORDER BY {column} LIMIT ?"
            rows = self._whole_rows(rest, [wanted, wanted + LAST, limit])
            found.update((row[0], row) for row in rows)
        return [found[key] for key in sorted(found)][:limit]

    def _reading(self) -> AbstractContextManager[Connection | None]:
        return self._readers.reading()

    def _exactly(self, wanted: str) -> dict[str, Any] | None:
        for condition in ("event_id = ?", "run_id = ?"):
            rest = f"WHERE {condition} ORDER BY created_at DESC, id DESC LIMIT 1"
            if found := self._runs(rest, [wanted]):
                return found[0]
        return None

    def _beginning_with(self, beginning: str) -> dict[str, Any] | None:
        found: dict[str, dict[str, Any]] = {}
        for column in ("event_id", "run_id"):
            rest = f"WHERE {column} >= ? AND {column} < ? ORDER BY {column} LIMIT 3"
            rows = self._runs(rest, [beginning, beginning + LAST])
            found.update((row["event_id"], row) for row in rows)
        if len(found) > 1:
            some = ", ".join(sorted(row["run_id"] for row in found.values()))
            raise AmbiguousIdError(f"several runs begin with {beginning!r}: {some}; say more of it")
        return next(iter(found.values()), None)

    def _runs(self, rest: str, values: list[Any]) -> list[dict[str, Any]]:
        return [run_dict(row) for row in self._whole_rows(rest, values)]

    def _whole_rows(self, rest: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with self._reading() as connection:
            return [] if connection is None else whole_rows(connection, rest, values)


def _page(rows: list[dict[str, Any]], limit: int, ordered_by: str) -> Page:
    """Cut off the row that was asked for only to learn whether there are more."""
    if len(rows) <= limit:
        return Page(rows)
    last = rows[limit - 1]
    return Page(rows[:limit], (last[ordered_by], last["id"]))


def _count(connection: Connection | None, clause: str, *values: Any) -> int:
    if connection is None:
        return 0
    sql = f"SELECT count(*) FROM agent_runs {clause}"
    return int(connection.execute(sql, values).fetchone()[0])


def _now(now_ns: int | None) -> int:
    return SystemClock.time_ns() if now_ns is None else now_ns
