"""Keeps a few connections open that only read, for the many threads of a server."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from sqlite3 import Error
from typing import TYPE_CHECKING, NamedTuple

from telemetry_sqlite import schema
from telemetry_sqlite.damage import FileId, file_id
from telemetry_sqlite.database import BUSY_TIMEOUT, connect_existing, unreadable_told
from telemetry_sqlite.errors import DatabaseUnusableError
from telemetry_sqlite.forking import WORK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

_KEPT = 4


class _Kept(NamedTuple):
    """A connection, and the file that it reads."""

    connection: Connection
    file: FileId


class Readers:
    """Gives each who reads a connection for itself, and keeps it for the next one.

    To open a connection and to learn that the database is ours takes longer than most questions
    do. Between two questions no lock is held, so nobody who writes waits for it. As many as ask
    at once get a connection; only a few are kept.

    :param patience: seconds to wait for who has the file locked.
    """

    def __init__(self, path: str, *, kept: int = _KEPT, patience: float = BUSY_TIMEOUT) -> None:
        self.path = path
        self._patience = patience
        self._most = kept
        self._idle: list[_Kept] = []
        self._closings = 0
        self._lock = threading.Lock()
        self._forks = WORK.forks

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Give a connection to the file that is at the path now, or nothing where none is begun.

        What is asked of it has to be read to the end before it is given back. Raises like
        `telemetry_sqlite.database.reading`.
        """
        self._refuse_elsewhere()
        closings = self._closings
        with unreadable_told(self.path), WORK.on(self.path):
            one = self._kept_one() or self._opened()
            if one is None:
                yield None
                return
            try:
                yield one.connection
            except BaseException:
                _close(one)
                raise
            self._give_back(one, closings)

    def close(self) -> None:
        """Close what is kept; who asks again begins anew."""
        if self._forks != WORK.forks:
            return  # they are the parent's
        with self._lock:
            self._closings += 1
            idle, self._idle = self._idle, []
        for one in idle:
            _close(one)

    def _refuse_elsewhere(self) -> None:
        """Raise in a forked child: it shares its parent's descriptors, and not its locks."""
        if self._forks != WORK.forks:
            raise DatabaseUnusableError(
                f"the connections to {self.path} were opened before this process was forked",
                "make new Readers in the child",
            )
        WORK.refuse_inherited(self.path)

    def _kept_one(self) -> _Kept | None:
        """Return a kept connection to the present file; those to an earlier one are closed."""
        present = file_id(self.path)
        while True:
            with self._lock:
                one = self._idle.pop() if self._idle else None
            if one is None or one.file == present:
                return one
            _close(one)

    def _opened(self) -> _Kept | None:
        file = file_id(self.path)
        if file is None:
            return None
        connection = connect_existing(self.path, self._patience)
        try:
            connection.execute("PRAGMA query_only = ON")
            if schema.is_empty(connection):
                connection.close()
                return None
            schema.check(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return _Kept(connection, file)

    def _give_back(self, one: _Kept, closings: int) -> None:
        with self._lock:
            wanted = closings == self._closings and len(self._idle) < self._most
            if wanted and not one.connection.in_transaction:
                self._idle.append(one)
                return
        _close(one)


class OwnReaders(Readers):
    """Readers that nobody else is given: a forked child has its own."""

    def _refuse_elsewhere(self) -> None:
        if self._forks != WORK.forks:
            self._parents = self._idle  # which SQLite wants to be left open
            self._idle, self._lock = [], threading.Lock()
            self._forks = WORK.forks
        WORK.refuse_inherited(self.path)


def _close(one: _Kept) -> None:
    with suppress(Error):
        one.connection.close()
