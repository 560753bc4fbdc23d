"""Answers each kind of request as the reference service does at its head, defects included."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_telemetry.servers.messages import Response
from pytest_telemetry.servers.runs import asking, bodies
from pytest_telemetry.servers.runs.answers import BrokenOffError, Refused, refused_for
from pytest_telemetry.servers.runs.book import NUMBERS, shown
from pytest_telemetry.servers.runs.routing import ROUTES, Route
from pytest_telemetry.servers.runs.values import is_time
from pytest_telemetry.servers.runs.writing import Api, ConstraintError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_telemetry.servers.runs.book import Run
    from pytest_telemetry.servers.runs.reading import Asked

_NOT_STORED = ("git_commit_source", "git_commit_author", "git_commit_timestamp")
_WIDEST = 2**63
_DAY = 86_400  # seconds
_TOO_WIDE = "Python int too large to convert to SQLite INTEGER"


class ReferenceApi(Api):
    """The documented shapes, without what is ours beside them."""

    routes: ClassVar[tuple[Route, ...]] = ROUTES
    headers: ClassVar[Mapping[str, str]] = {}
    version: ClassVar = "3.0.0"
    slashes: ClassVar = False
    careless: ClassVar = True
    duplicate: ClassVar = 201
    run_form: ClassVar = bodies.REFERENCE_RUN
    update_form: ClassVar = bodies.REFERENCE_UPDATE
    max_batch = sys.maxsize

    def batch(self, asked: Asked) -> Response:
        """Refuse the whole for one row that is out of shape."""
        rows = self._list(asked.body, ("body",))
        examined = [self.run_form.examined(row, ("body", i)) for i, row in enumerate(rows)]
        if problems := [problem for _, found in examined for problem in found]:
            raise refused_for(problems)
        return Response.json(self.store_each(rows))

    def create(self, asked: Asked) -> Response:
        """Break off at a number that SQLite does not hold."""
        if _is_too_wide(self.run_form.read(asked.body)):
            raise Refused(500, f"Failed to create run: {_TOO_WIDE}")
        return super().create(asked)

    def store(self, run: Run, body: Any) -> bool:
        """Return whether a run is new; one that is there stays as it is."""
        if refused := self.refuses(body):
            raise ConstraintError(refused[1])
        _check(run)
        if run["event_id"] in self.book.runs:
            return False
        row = {name: value for name, value in run.items() if name not in _NOT_STORED}
        row.update((name, row[name] or None) for name in bodies.JSON)
        if row["created_at"] is ...:
            row["created_at"] = self.now
        self.book.insert({**row, "updated_at": self._sqlite_time(self._seconds())})
        self.names_are_known = False
        return True

    def change(self, run: Run, changes: Mapping[str, Any]) -> None:
        """Set exactly these, and leave the time of the last change as it was."""
        if _is_too_wide(changes):
            raise Refused(500, f"Failed to update run: {_TOO_WIDE}")
        run.update(changes)

    def query(self, asked: Asked) -> Response:
        """List runs, comparing times as texts; break off at a filter that means nothing."""
        query = asked.request.query
        page = bodies.PAGE.read(query, ("query",))
        found = self.book.chosen(_conditions(query))
        rows = found[page["offset"] :][: page["limit"]]
        return Response.json([self.shown(run, asked) for run in rows])

    def recent(self) -> int:
        """Return how many runs were created within about two days: a T is more than a blank."""
        since = self._sqlite_time(self._seconds() - _DAY)
        return sum(run["created_at"] >= since for run in self.book.runs.values())

    def shown(self, run: Run, asked: Asked) -> dict[str, Any]:  # noqa: ARG002 - it knows no clients
        """Return a run as everybody is shown it."""
        return shown(run, careless=True)

    def _figures(self) -> dict[str, Any]:
        return {}

    def _seconds(self) -> int:
        return self.clock.time_ns() // 10**9

    @staticmethod
    def _sqlite_time(seconds: int) -> str:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _is_too_wide(values: Mapping[str, Any]) -> bool:
    return any(abs(values.get(name, 0) or 0) >= _WIDEST for name in NUMBERS)


def _check(run: Run) -> None:
    """Raise what SQLite says of a row that it does not take."""
    if _is_too_wide(run):
        raise ConstraintError(_TOO_WIDE)
    if run["created_at"] is None:
        raise ConstraintError("NOT NULL constraint failed: agent_runs.created_at")
    if run["status"] not in bodies.STATUSES:
        words = ", ".join(f"'{word}'" for word in bodies.STATUSES)
        raise ConstraintError(f"CHECK constraint failed: status IN ({words})")
    for name in NUMBERS:
        if run[name] < 0:
            raise ConstraintError(f"CHECK constraint failed: {name} >= 0")


def _conditions(query: Mapping[str, str]) -> list[asking.Condition]:
    found = [
        asking.equals(name, query[name]) for name in ("agent_name", "job_type") if query.get(name)
    ]
    if status := query.get("status"):
        if (word := bodies.ALIASES.get(status, status)) not in bodies.STATUSES:
            raise BrokenOffError
        found.append(asking.equals("status", word))
    for name, (column, compare) in asking.TIMES.items():
        if moment := query.get(name):
            if not is_time(moment):
                raise BrokenOffError
            found.append(asking.compares(column, compare, moment))
    return found
