"""Looks a database over: is it sound, is it ours, and is in it what may be in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from telemetry_core import Finding, Level, TelemetryError
from telemetry_sqlite import schema, tallies
from telemetry_sqlite.care import pragmas
from telemetry_sqlite.care.contents import doubts
from telemetry_sqlite.damage import RESTORE, files_set_aside
from telemetry_sqlite.database import looking
from telemetry_sqlite.errors import DatabaseUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection

    from telemetry_sqlite.care.progress import Shown

_MB = 1_000_000
_LARGE = 500 * _MB
_QUICKLY_READ = 50 * _MB
_GLANCE = 3.0  # seconds that a look in passing waits for who has the file locked
_SHOWN = 5
_NO_DAMAGE = ("*** in database", "CHECK constraint failed in", "NULL value in")


def inspect(path: str, *, full: bool, progress: Shown) -> list[Finding]:
    """Return what there is to say of the database after reading all of it.

    Never raises for what is wrong with the file: that is what it finds.
    """
    found: list[Finding] = []
    try:
        with looking(path) as connection:
            if connection is None:
                return [_not_begun()]
            parts = (
                _integrity(connection, full=full),
                _schema(connection, path),
                doubts(connection),
                _tallies(connection),
            )
            for done, part in enumerate(parts):
                progress(done, len(parts))
                found.extend(part)
    except TelemetryError as error:
        found.append(_unreadable(error))
    return found


def glance(path: str) -> Iterator[Finding]:
    """Give what can be said of a database of any size at once."""
    try:
        with looking(path, _GLANCE) as connection:
            yield from [_not_begun()] if connection is None else _at_once(connection, path)
    except TelemetryError as error:
        yield _unreadable(error)
    if aside := files_set_aside(path):
        what = f"{len(aside)} damaged database(s) were set aside, the last one {aside[-1]}"
        yield Finding("set_aside", Level.WARN, what, "look into it, then move it away or delete it")


def damage_in(connection: Connection, *, full: bool) -> str:
    """Return what SQLite finds damaged; nothing when all is sound.

    A row that its own table would not take today is whole.
    """
    pragma = "integrity_check" if full else "quick_check"
    rows = connection.execute(f"PRAGMA {pragma}")
    lines = [line for (told,) in rows for line in told.splitlines()]
    damage = [line for line in lines if line != "ok" and not line.startswith(_NO_DAMAGE)]
    more = [f"and {len(damage) - _SHOWN:,} more"] if len(damage) > _SHOWN else []
    return "; ".join([*damage[:_SHOWN], *more])


def _not_begun() -> Finding:
    return Finding("file", Level.OK, "no database has been begun yet")


def _unreadable(error: TelemetryError) -> Finding:
    if isinstance(error, DatabaseUnusableError):
        return Finding("file", Level.FAIL, error.what, error.remedy)
    return Finding("file", Level.FAIL, str(error))


def _at_once(connection: Connection, path: str) -> Iterator[Finding]:
    size = os.path.getsize(path)
    yield from _schema(connection, path)
    yield from _event_ids(connection)
    yield from _pragmas(path)
    if size > _LARGE:
        what = f"the database has {size // _MB:,} MB"
        yield Finding("size", Level.WARN, what, "telemetry db retain removes old runs")
    if size > _QUICKLY_READ:
        what = f"{size // _MB:,} MB were not read for damage; telemetry db check does that"
        yield Finding("integrity", Level.OK, what)
    else:
        yield from _integrity(connection, full=False)


def _integrity(connection: Connection, *, full: bool) -> Iterator[Finding]:
    if damage := damage_in(connection, full=full):
        yield Finding("integrity", Level.FAIL, f"the file is damaged: {damage}", RESTORE)
    else:
        read = "every page was read and every index compared" if full else "every page was read"
        yield Finding("integrity", Level.OK, f"{read}; nothing is damaged")


def _schema(connection: Connection, path: str) -> Iterator[Finding]:
    if complaint := schema.complaint(connection, path):
        yield Finding("schema", Level.FAIL, f"the file {complaint.what}", complaint.remedy)
    elif differing := schema.differences(connection):
        what = f"the schema is not as it should be: {schema.some(differing)}"
        yield Finding("schema", Level.WARN, what, "telemetry db migrate mends it")
    else:
        what = f"schema {schema.VERSION} is complete, with its indexes"
        yield Finding("schema", Level.OK, what)


def _tallies(connection: Connection) -> Iterator[Finding]:
    if tallies.wrong(connection):
        what = "the tallies of runs are not what one counts"
        yield Finding("tallies", Level.WARN, what, "telemetry db migrate counts them anew")


def _event_ids(connection: Connection) -> Iterable[Finding]:
    """Look whether an index keeps event ids unique, which is quicker than comparing them."""
    if schema.unique(connection, "agent_runs", "event_id"):
        return [Finding("event_ids", Level.OK, "no two runs can have one event id")]
    what = "nothing keeps two runs from having one event id"
    return [Finding("event_ids", Level.FAIL, what, "telemetry db migrate makes them unique")]


def _pragmas(path: str) -> Iterable[Finding]:
    wrong = [one for one in pragmas.compare(path) if not one.right]
    if not wrong:
        return [Finding("pragmas", Level.OK, "journal, syncing and locking are as they should be")]
    return [
        Finding("pragmas", Level.WARN, f"{one.name} is {one.ours}, not {one.wanted}", one.remedy)
        for one in wrong
    ]
