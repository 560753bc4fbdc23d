"""Looks a database over: is it sound, is it ours, and is in it what may be in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from telemetry_core import Finding, Level, TelemetryError
from telemetry_sqlite import schema
from telemetry_sqlite.database import looking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

Shown = Callable[[int, int], object]

_RESTORE = "telemetry db restore brings the newest sound backup back"
_STEPS = 2
_SHOWN = 5
_WHOLE = ("CHECK constraint failed in", "NULL value in")


def inspect(path: str, *, full: bool, progress: Shown) -> list[Finding]:
    """Return what there is to say of the database, the worst not necessarily first.

    Never raises for what is wrong with the file: that is what it finds.
    """
    found: list[Finding] = []
    try:
        with looking(path) as connection:
            if connection is None:
                return [Finding("schema", Level.OK, "nothing was written yet")]
            for step, part in enumerate(
                (_integrity(connection, full=full), _schema(connection, path))
            ):
                progress(step, _STEPS)
                found.extend(part)
    except TelemetryError as error:
        found.append(Finding("file", Level.FAIL, str(error), _RESTORE))
    return found


def damage_in(connection: Connection, *, full: bool) -> str:
    """Return what SQLite finds damaged; nothing when all is sound.

    A row that its own table would not take today is whole.
    """
    pragma = "integrity_check" if full else "quick_check"
    lines = [line for (line,) in connection.execute(f"PRAGMA {pragma}")]
    damage = [line for line in lines if line != "ok" and not line.startswith(_WHOLE)]
    return "; ".join(damage[:_SHOWN])


def _integrity(connection: Connection, *, full: bool) -> Iterator[Finding]:
    looked = "every page and index" if full else "every page"
    if damage := damage_in(connection, full=full):
        yield Finding("integrity", Level.FAIL, damage, _RESTORE)
    else:
        yield Finding("integrity", Level.OK, f"{looked} is sound")


def _schema(connection: Connection, path: str) -> Iterator[Finding]:
    try:
        schema.check(connection, path)
    except TelemetryError as error:
        yield Finding("schema", Level.FAIL, str(error))
        return
    differing = schema.differences(connection)
    if differing:
        yield Finding("schema", Level.WARN, "; ".join(differing), "telemetry db migrate")
    else:
        yield Finding("schema", Level.OK, f"schema {schema.VERSION}, complete")
