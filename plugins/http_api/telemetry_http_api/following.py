"""Follows a service: asked again and again, it gives what came or changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry_http_api.filtering import RunFilter
    from telemetry_http_api.queries import RunsOverHttp

    Row = dict[str, Any]
    Version = tuple[Any, ...]

_NEWEST = 200
_RUNNING = 1000
_REMEMBERED = 5000
_WITH_EVENTS = 50  # runs whose events are asked for at a time


@define
class _Read:
    """How far the events of one run were read: the last page is read again, for what was added."""

    place: Any = None
    known: set[str] = field(factory=set)


class Follower:
    """Remembers what it has seen of the runs that came last and of those that are running.

    A run that ends while it is none of the last ones is asked for by its id. One that was created
    long ago, has ended, and is delivered only now is not noticed.
    """

    def __init__(self, store: RunsOverHttp, which: RunFilter) -> None:
        self._store = store
        self._which = which
        self._seen: dict[str, Version] = {}
        self._running: dict[str, str] = {}  # run ids by event ids
        self._changed: list[str] = []
        self._events: dict[str, _Read] = {}
        self._before = list(self._look().values())
        self._old = {row["run_id"] for row in self._before}
        self._note(self._before)

    def latest(self, number: int) -> list[Row]:
        """Return the runs that were there before the rest, the newest last."""
        rows = [row for row in self._before if self._fits(row)]
        rows.sort(key=lambda row: str(row["created_at"]))
        return rows[-number:] if number else []

    def runs(self) -> list[Row]:
        """Return the runs that are new or have changed since the last time, each as it is now."""
        rows = self._look()
        for event_id in self._running.keys() - rows.keys():
            row = self._store.row_of(event_id)
            if row is not None:
                rows[event_id] = row
        news = [row for row in rows.values() if self._seen.get(row["event_id"]) != _version(row)]
        self._note(rows.values())
        self._changed = [row["run_id"] for row in news]
        return sorted(filter(self._fits, news), key=lambda row: str(row["updated_at"]))

    def events(self) -> list[Row]:
        """Return the events that came since, of runs that are running or have just changed."""
        runs = dict.fromkeys([*self._changed, *self._running.values()])
        found = [row for run_id in [*runs][:_WITH_EVENTS] for row in self._new_events(run_id)]
        return sorted(found, key=lambda row: str(row["timestamp"]))

    def _new_events(self, run_id: str) -> list[Row]:
        """Read on; of a run that was there before, what had happened by then is only noted."""
        told = run_id in self._events or run_id not in self._old
        read = self._events.setdefault(run_id, _Read())
        found: list[Row] = []
        while True:
            page = self._store.list_events(run_id, after=read.place)
            found += [row for row in page.rows if row["event_id"] not in read.known]
            read.known.update(row["event_id"] for row in page.rows)
            if page.next is None:
                return found if told else []
            read.place = page.next

    def _look(self) -> dict[str, Row]:
        """Return the runs that came last and those that are running, by their event id."""
        every = evolve(self._which, status=None)
        rows = self._store.list_runs(every, limit=_NEWEST).rows
        rows += self._store.list_runs(evolve(every, status="running"), limit=_RUNNING).rows
        return {row["event_id"]: row for row in rows}

    def _note(self, rows: Iterable[Row]) -> None:
        for row in rows:
            event_id = row["event_id"]
            self._seen.pop(event_id, None)
            self._seen[event_id] = _version(row)
            self._running.pop(event_id, None)
            if row["status"] == "running":
                self._running[event_id] = row["run_id"]
        while len(self._seen) > _REMEMBERED:
            self._seen.pop(next(iter(self._seen)))

    def _fits(self, row: Row) -> bool:
        return not self._which.status or row["status"] == self._which.parameters()["status"]


def _version(row: Row) -> Version:
    return row["status"], row["revision"], row["updated_at"], row["end_time"], row["duration_ms"]
