"""Lists runs, the newest first: along an index that has the order, never through a whole table."""

from __future__ import annotations

import json
from contextlib import contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import define

from telemetry_sqlite.filtering import where
from telemetry_sqlite.packing import whole_rows
from telemetry_sqlite.rows import ROW_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from sqlite3 import Connection

    from telemetry_sqlite.filtering import Bounds, RunFilter

    Condition = tuple[Any, ...]  # in SQL, and the values for its marks
    Row = tuple[Any, ...]
    Read = Callable[[Connection, str, list[Any]], list[Row]]

Place = tuple[str, int]

LAST = "\U0010ffff"  # sorts behind every other character
_FEW_ROWS = 400  # so many are soon read one by one
_FEW_STARTS = 1000  # so many are soon read and sorted
_FEW_KEYS = 3000  # so many are soon passed over where an index has all that is asked
_IN_ORDER = "ORDER BY created_at DESC, id"
_SORTED = "ORDER BY +created_at DESC, +id"  # by which no index is chosen
_CREATED_AT = ROW_COLUMNS.index("created_at")

# As the index says it, to the letter.
_APART = (
    "substr(created_at, 1, 16) <> substr(start_time, 1, 16) AND"
    " CASE WHEN substr(created_at, 1, 10) <> substr(start_time, 1, 10) THEN 1"
    " WHEN substr(created_at, 1, 13) <> substr(start_time, 1, 13) THEN 2 ELSE 3 END"
)
_FAR = f"{_APART} = 1"
# How much of its text the start of such a run has in common with its creation; of all others a
# minute.
_IN_COMMON = ((_FAR, 0), (f"{_APART} = 2", 10), (f"{_APART} = 3", 13))
_MINUTE = 16


class RowPage(NamedTuple):
    """Some rows, each of `ROW_COLUMNS`, and the place after which the next ones come."""

    rows: list[Row]
    next: Place | None = None


def page_of(
    connection: Connection, which: RunFilter, *, limit: int, offset: int, after: Place | None
) -> RowPage:
    """Return runs, the newest first; runs of one moment in the order they came."""
    asked = _Asked.of(which, after)
    if any(asked.window):
        with _one_state(connection):
            keys = _keys_in_window(connection, asked, offset + limit + 1)[offset:]
            rows = _rows_of(connection, [key for _, key in keys])
    else:
        rows = _along(connection, whole_rows, asked, asked.way(), limit + 1, offset)
    if len(rows) <= limit:
        return RowPage(rows)
    return RowPage(rows[:limit], (rows[limit - 1][_CREATED_AT], rows[limit - 1][0]))


class _Way(NamedTuple):
    """One way through the runs, in the order of their creation.

    :ivar first: what an index in this order finds at once, `each`: what is asked of each run then.
    :ivar near: bounds of the creation, of which the first one is within.
    """

    first: list[Condition]
    each: list[Condition]
    near: Bounds = (None, None)

    def not_before(self, moment: str | None) -> _Way:
        """Return the part of the way after a moment, with itself."""
        oldest, newest = self.near
        return self._replace(near=(max(filter(None, (moment, oldest)), default=None), newest))


@define(frozen=True)
class _Asked:
    """A question, taken apart.

    :ivar leading: the columns with a value that an index begins with; `others`: those without.
    :ivar created: bounds of the creation, `window`: bounds of the start.
    """

    leading: dict[str, str]
    others: dict[str, str]
    created: Bounds
    window: Bounds
    place: Place | None

    @classmethod
    def of(cls, which: RunFilter, place: Place | None) -> _Asked:
        """Take a filter apart; an id leads to so few runs that the rest is asked of each."""
        equal = which.equal()
        ids: list[str] = [name for name in ("run_id", "parent_run_id") if name in equal]
        leading: dict[str, str] = {name: equal.pop(name) for name in ids[:1]} or equal
        others = equal if ids else {}
        return cls(leading, others, which.created(), which.window(), place)

    def way(self, near: Bounds = (None, None)) -> _Way:
        """Return the way along the index of what is asked for."""
        first: list[Condition] = [(f"{name} = ?", value) for name, value in self.leading.items()]
        return _Way(first, _of_each([*self.others.items()], self.window), near)

    def ways(self) -> Iterator[_Way]:
        """Give ways that together meet every run that started within the window.

        How far apart its start and its creation are says where a run is to be looked for.
        """
        yield self.way(self._near(_MINUTE))
        equal = [*self.leading.items(), *self.others.items()]
        for apart, length in _IN_COMMON:
            yield _Way([(apart,)], _of_each(equal, self.window), self._near(length))

    def _near(self, length: int) -> Bounds:
        """Return where runs are created of which so much is in common with their start.

        There is always an end: behind all text SQLite has blobs, which compare with no text here.
        """
        begin, end = self.window
        return begin and begin[:length], (end or "")[:length] + LAST

    def in_window(self) -> list[Condition]:
        """Return what is found at once by an index of start times."""
        begin, end = self.window
        first: list[Condition] = [("start_time >= ?", begin)] if begin else []
        return [*first, ("start_time <= ?", end)] if end else first

    def by_key(self) -> list[Condition]:
        """Return all else that is asked of each key of such an index."""
        asked = _of_each([*self.leading.items(), *self.others.items()])
        asked += [(f"+{condition}", *values) for condition, *values in _between(*self.created)]
        if self.place:
            moment, key = self.place
            asked += [("+created_at <= ?", moment), ("(+created_at < ? OR id > ?)", moment, key)]
        return asked

    def steps(self, near: Bounds) -> list[list[Condition]]:
        """Return the ranges of creation to be read one after the other.

        After a place the rest of its own moment comes first, which may have any number of runs.

        :param near: further bounds, those of a way.
        """
        after, before = self.created
        oldest, newest = near
        before = min(filter(None, (before, newest)), default=None)
        if self.place is None:
            return [_between(after, before, oldest)]
        moment, key = self.place
        if before is not None and before <= moment:
            return [_between(after, before, oldest)]
        same: list[Condition] = [("created_at = ?", moment), ("id > ?", key)]
        return [
            [*same, *_between(after, None, oldest)],
            _between(after, moment, oldest),
        ]


def _keys_in_window(connection: Connection, asked: _Asked, number: int) -> list[Place]:
    """Return the keys of runs that started within a window, which is not the order they come in.

    Where the runs that are meant otherwise are few, all of these are looked at. Else those of the
    window are met on several ways, by how far apart start and creation are. Only where that says
    little, since many were created on another day, and those of the window are few, they are
    sorted.
    """
    along = asked.way()
    created = _between(*asked.created)
    if _are_few(connection, [*along.first, *created], _FEW_ROWS):
        return _along(connection, _keys, asked, along, number)
    if not _are_few(connection, [(_FAR,), *created], _FEW_KEYS) and _are_few(
        connection, asked.in_window(), _FEW_STARTS
    ):
        return _sorted(connection, asked, number)
    found: list[Place] = []
    for way in asked.ways():
        enough = found[-1][0] if len(found) == number else None
        further = _along(connection, _keys, asked, way.not_before(enough), number)
        if further:
            found = _newest_first({*found, *further})[:number]
    return found


def _along(
    connection: Connection, read: Read, asked: _Asked, way: _Way, number: int, offset: int = 0
) -> list[Row]:
    """Read along an index in the order of creation."""
    steps = asked.steps(way.near)
    skipped = offset if len(steps) == 1 else 0
    found: list[Row] = []
    for step in steps:
        wanted = number + offset - skipped - len(found)
        if wanted > 0:
            which, values = _bound([*way.first, *step, *way.each])
            rest = f"{which} {_IN_ORDER} LIMIT ? OFFSET ?"
            found += read(connection, rest, [*values, wanted, skipped])
    return found[offset - skipped :]


def _sorted(connection: Connection, asked: _Asked, number: int) -> list[Row]:
    """Read all keys of a window, which are few, and sort them."""
    which, values = _bound([*asked.in_window(), *asked.by_key()])
    return _keys(connection, f"{which} {_SORTED} LIMIT ?", [*values, number])


def _newest_first(keys: Iterable[Row]) -> list[Row]:
    return sorted(sorted(keys, key=itemgetter(1)), key=itemgetter(0), reverse=True)


def _are_few(connection: Connection, conditions: list[Condition], number: int) -> bool:
    """Whether no more than this number of keys meet the conditions, without counting on."""
    which, values = _bound(conditions)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM agent_runs {which} LIMIT ?)"
    return bool(connection.execute(sql, [*values, number + 1]).fetchone()[0] <= number)


def _rows_of(connection: Connection, ids: list[int]) -> list[Row]:
    found = whole_rows(
        connection, "WHERE id IN (SELECT value FROM json_each(?))", [json.dumps(ids)]
    )
    rows = {row[0]: row for row in found}
    return [rows[key] for key in ids]


def _keys(connection: Connection, rest: str, values: list[Any]) -> list[Row]:
    return connection.execute(f"SELECT created_at, id FROM agent_runs {rest}", values).fetchall()


def _bound(conditions: list[Condition]) -> tuple[str, list[Any]]:
    values = [value for _, *values in conditions for value in values]
    return where([condition for condition, *_ in conditions]), values


def _of_each(equal: Iterable[tuple[str, str]], window: Bounds = (None, None)) -> list[Condition]:
    """Return conditions for which no index is looked for."""
    begin, end = window
    asked: list[Condition] = [(f"+{name} = ?", value) for name, value in equal]
    if begin:
        asked.append(("+start_time >= ?", begin))
    return [*asked, ("+start_time <= ?", end)] if end else asked


def _between(after: str | None, before: str | None, oldest: str | None = None) -> list[Condition]:
    """Return the conditions on the creation; never two on one side, of which an index takes one."""
    found: list[Condition] = []
    if oldest and (not after or after < oldest):
        found.append(("created_at >= ?", oldest))
    elif after:
        found.append(("created_at > ?", after))
    return [*found, ("created_at < ?", before)] if before else found


@contextmanager
def _one_state(connection: Connection) -> Iterator[None]:
    """Ask several questions of the database as it is at one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")
