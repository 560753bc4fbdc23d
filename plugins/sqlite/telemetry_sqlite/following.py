"""Follows the database: asked again and again, it gives what was stored or changed meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from telemetry_sqlite.filtering import where
from telemetry_sqlite.packing import whole_rows
from telemetry_sqlite.rows import event_dict, run_dict
from telemetry_sqlite.store import SELECT_EVENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from sqlite3 import Connection

    from telemetry_sqlite.filtering import RunFilter

    Reading = Callable[[], AbstractContextManager[Connection | None]]

    Version = tuple[Any, ...]

_AT_ONCE = 1000
_WATCHED = 2000
_VERSION = "SELECT id, status, revision, updated_at FROM agent_runs"
_AMONG = "id IN (SELECT value FROM json_each(?))"


class Follower:
    """Remembers up to where it has seen the database, and the runs that may still change.

    Records arrive late and out of order, when a backlog is delivered, so no time in them tells
    what is new. The ids of rows do: SQLite gives them out in the order of commits. Changed are
    looked for among the runs that are running and the latest that were given.
    """

    def __init__(self, reading: Reading, which: RunFilter) -> None:
        self._reading = reading
        self._which = which
        self._watched: dict[int, Version] = {}
        self._last_run = self._last_event = 0
        with reading() as connection:
            if connection is not None:
                self._last_event = _last(connection, "run_events")
                self._begin(connection)

    def latest(self, number: int) -> list[dict[str, Any]]:
        """Return the runs that were there before the rest, the newest last."""
        conditions, values = self._which.conditions()
        which = f"{where(['id <= ?', *conditions])} ORDER BY created_at DESC, id LIMIT ?"
        bound = [self._last_run, *values, number]
        with self._reading() as connection:
            if connection is None:
                return []
            rows = whole_rows(connection, which, bound)
            self._watch(connection, where([_AMONG]), [json.dumps([row[0] for row in rows])])
        return [run_dict(row) for row in reversed(rows)]

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs that are new or have changed since the last time, each as it is now."""
        with self._reading() as connection:
            if connection is None:
                return []
            if _last(connection, "agent_runs") < self._last_run:
                self._begin(connection)  # another file has taken its place
            changed, new = self._changed(connection), self._new(connection)
            rows = self._rows(connection, [*changed, *new])
        return [run_dict(row) for row in rows]

    def events(self) -> list[dict[str, Any]]:
        """Return the events stored since the last time; with a filter, those of runs it means."""
        conditions, values = self._which.conditions()
        asked = ["id > ?"]
        if conditions:
            runs = where(["run_id = run_events.run_id", *conditions])
            asked.append(f"EXISTS (SELECT 1 FROM agent_runs {runs})")
        sql = f"{SELECT_EVENT} {where(asked)} ORDER BY id LIMIT {_AT_ONCE}"
        with self._reading() as connection:
            if connection is None:
                return []
            last = _last(connection, "run_events")
            rows = connection.execute(sql, [min(last, self._last_event), *values]).fetchall()
        newest = rows[-1][0] if rows else last
        self._last_event = newest if len(rows) == _AT_ONCE else max(last, newest)
        return [event_dict(row) for row in rows]

    def _begin(self, connection: Connection) -> None:
        """Take what is there as seen, and watch what is running."""
        self._watched.clear()
        self._last_run = _last(connection, "agent_runs")
        self._watch(
            connection, f"WHERE status = 'running' ORDER BY created_at DESC LIMIT {_WATCHED}", []
        )

    def _changed(self, connection: Connection) -> list[int]:
        """Return which of the watched runs are no longer what they were."""
        before = self._watched.copy()
        self._watch(connection, where([_AMONG]), [json.dumps([*before])])
        return [row for row, version in before.items() if self._watched[row] != version]

    def _new(self, connection: Connection) -> list[int]:
        """Return the runs that came since, and watch them from now on."""
        which = f"WHERE id > ? ORDER BY id LIMIT {_AT_ONCE}"
        new = self._watch(connection, which, [self._last_run])
        self._last_run = new[-1] if new else self._last_run
        self._forget()
        return new

    def _watch(self, connection: Connection, which: str, values: list[Any]) -> list[int]:
        """Note what these runs are now."""
        rows = connection.execute(f"{_VERSION} {which}", values).fetchall()
        self._watched.update((row, tuple(version)) for row, *version in rows)
        return [row for row, *_ in rows]

    def _forget(self) -> None:
        """Watch no more runs than can be looked at each time; those that ended long ago go."""
        spare = len(self._watched) - _WATCHED
        ended = [row for row, version in self._watched.items() if version[0] != "running"]
        for row in sorted(ended)[: max(0, spare)]:
            del self._watched[row]

    def _rows(self, connection: Connection, ids: list[int]) -> list[Any]:
        if not ids:
            return []
        conditions, values = self._which.conditions()
        which = f"{where([_AMONG, *conditions])} ORDER BY updated_at, id"
        return whole_rows(connection, which, [json.dumps(ids), *values])


def _last(connection: Connection, table: str) -> int:
    """Return the id of the row that was stored last."""
    return int(connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0)
