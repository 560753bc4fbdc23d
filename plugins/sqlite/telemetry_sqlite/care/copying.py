"""Copies a database while others write into it, and looks whether a copy is sound."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from telemetry_core import SystemClock
from telemetry_sqlite import schema
from telemetry_sqlite.care.inspection import damage_in
from telemetry_sqlite.care.unfinished import finish, unfinished
from telemetry_sqlite.damage import file_id
from telemetry_sqlite.database import BUSY_TIMEOUT, connect_existing, looking
from telemetry_sqlite.errors import DatabaseUnusableError
from telemetry_sqlite.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

    from telemetry_sqlite.care.progress import Shown

_PAGES = 1000  # in one step, for which a writer has to wait


def copy_database(source: str, target: str, progress: Shown | None = None) -> None:
    """Copy a database as it is at one moment; the copy is private, and whole once it has a name.

    Others may write meanwhile. Raises `OSError` or `sqlite3.Error`, `FileExistsError` where
    there is a file already, and then leaves nothing behind.

    :param progress: is told how many pages are done, and how many there are.
    """
    with unfinished(target) as path:
        copy_into(source, path, progress)
        finish(path, target)


def copy_into(source: str, empty: str, progress: Shown | None = None) -> None:
    """Copy a database into an empty file.

    Writers go on between the steps; once one has, SQLite begins anew, and they have to wait, or
    it might never come to an end.
    """
    try:
        _copy(source, empty, progress, still=False)
    except _BegunAnewError:
        with Turn(source, patience=BUSY_TIMEOUT):  # not for ever: a migration has it already
            _copy(source, empty, progress, still=True)


def verify(path: str) -> list[str]:
    """Return what is wrong with a database; nothing when it is sound and ours, of whichever age.

    Each problem goes on where a sentence begins with the path.
    """
    try:
        with looking(path) as connection:
            if connection is None:
                return ["is not there, or empty"]
            if damage := damage_in(connection, full=True):
                return [f"is damaged: {damage}"]
            if schema.state(connection) is not schema.State.OLDER:
                schema.check(connection, path)
    except DatabaseUnusableError as error:
        return [str(error).removeprefix(f"{path} ")]
    return []


class _BegunAnewError(Exception):
    """A writer came between two steps, or another file."""


def _copy(source: str, empty: str, progress: Shown | None, *, still: bool) -> None:
    os.truncate(empty, 0)
    watch = _Watch(source, progress)
    with _existing(source) as original, closing(_fast(empty)) as copy:
        if still:  # a reader keeps everybody from committing
            original.execute("BEGIN")
            schema.is_empty(original)
        original.backup(copy, pages=_PAGES, progress=watch.step)
        copy.execute("PRAGMA journal_mode = DELETE")  # whatever the original has


@contextmanager
def _existing(path: str) -> Iterator[Connection]:
    with closing(connect_existing(path)) as connection:
        schema.is_empty(connection)  # whatever is wrong with the file is said here
        yield connection


def _fast(empty: str) -> Connection:
    """Open the file to be: nobody needs it before it is whole, so it is synced once, at the end."""
    connection = sqlite3.connect(empty, isolation_level=None)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


class _Watch:
    """Looks after each step whether SQLite has begun anew, or waits for somebody without end.

    And whether another file took the place of the one that is copied: SQLite would play the
    journal of the new one into the old one.
    """

    def __init__(self, source: str, progress: Shown | None) -> None:
        self._source = source
        self._file = file_id(source)
        self._progress = progress
        self._left = float("inf")
        self._deadline = SystemClock.monotonic() + BUSY_TIMEOUT

    def step(self, code: int, left: int, total: int) -> None:
        """Raise whatever is a reason to stop, for SQLite itself would go on."""
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            if SystemClock.monotonic() > self._deadline:
                raise sqlite3.OperationalError("database is locked")
            return
        if left > self._left or file_id(self._source) != self._file:
            raise _BegunAnewError
        self._left = left
        self._deadline = SystemClock.monotonic() + BUSY_TIMEOUT
        if self._progress is not None:
            self._progress(total - left, total)
