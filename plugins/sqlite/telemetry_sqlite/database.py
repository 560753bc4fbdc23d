"""Opens the database file, and does work on it in one transaction."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from telemetry_core import SystemClock, make_private_file, sync_directory, sync_path
from telemetry_sqlite import damage, schema
from telemetry_sqlite.errors import DatabaseBusyError, DatabaseUnusableError
from telemetry_sqlite.forking import WORK
from telemetry_sqlite.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

    from telemetry_core import Clock
    from telemetry_sqlite.damage import FileId

T = TypeVar("T")

BUSY_TIMEOUT = 30.0
_CACHE_KB = 8000  # at most: a batch of runs touches many pages, which SQLite writes twice beyond it
LEAST_WAIT = 0.2  # a reader is gone by then: no reason to give up what is all but committed
LOCK_DELAYS = (0.1, 0.2, 0.4)


class Database:
    """One writer's view of the file: a connection that stays open while all goes well.

    Used by one thread at a time, whichever it is. After any error the connection is given up,
    and the next work begins with a new one.
    """

    def __init__(self, path: str, clock: Clock | None = None) -> None:
        self.path = os.path.abspath(path)
        self._clock = clock or SystemClock()
        self._directory = os.path.dirname(self.path)
        self._connection: Connection | None = None
        self._file: FileId | None = None
        self._tenths = 0  # of a second, for which the connection waits for a lock

    def write(self, work: Callable[[Connection], T], deadline: float = float("inf")) -> T:
        """Return what the work returns, once what it wrote has reached the disk.

        The work is one transaction. A damaged file is set aside, and the work done again on a
        new one; every other error leaves the file as it was and is raised.

        Raises `DatabaseBusyError` when a lock was not got in time, and `DatabaseFullError` when
        the disk has no room; the next work may do.

        :param deadline: the clock's steady time after which nobody waits for a lock any more.
        """
        try:
            return self.transact(work, deadline)
        except sqlite3.DatabaseError as error:
            if not damage.is_damage(error):
                raise
            self._set_aside(error, deadline)
        return self.transact(work, deadline)

    def transact(self, work: Callable[[Connection], T], deadline: float = float("inf")) -> T:
        """Do the same, but raise for a damaged file too."""
        WORK.refuse_inherited(self.path)
        try:
            return self._done(work, deadline)
        except (sqlite3.Error, OSError) as error:
            if trouble := damage.as_trouble(self.path, error):
                raise trouble from error
            raise

    def _set_aside(self, error: sqlite3.Error, deadline: float) -> None:
        try:
            with Turn(self.path, self._patience(deadline)):
                damage.set_damaged_aside(self.path, self._file, error)
        except BlockingIOError as busy:
            raise damage.as_trouble(self.path, busy) or busy from error

    def _done(self, work: Callable[[Connection], T], deadline: float) -> T:
        if not os.path.isdir(self._directory):
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
        with Turn(self.path, self._patience(deadline)), WORK.on(self.path):
            try:
                connection = self._opened(self._left(deadline))
                self._patiently(connection, "BEGIN IMMEDIATE", deadline)
                result = work(connection)
                self._patiently(connection, "COMMIT", deadline)
                refuse_another_file(self.path, self._file)  # nobody reads what the old one took
            except BaseException:
                self.close()  # rolls back
                raise
        sync_directory(self._directory)  # until then a power loss brings the journal back
        return result

    def close(self) -> None:
        """Close the connection; the next work opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self, patience: float) -> Connection:
        """Return the connection to the file that is at the path now, ready to wait so long."""
        if self._connection is not None:
            if damage.file_id(self.path) == self._file:
                self._wait(self._connection, patience)
                return self._connection
            self.close()  # moved or removed: nobody would ever read what is written there
            damage.tell_of_removal(self.path)
        make_private_file(self.path)  # SQLite gives its journal the same permissions
        self._file = damage.file_id(self.path)
        self._connection = connect(self.path, patience)
        self._wait(self._connection, patience)
        schema.prepare(self._connection, self.path)
        self._connection.execute("PRAGMA journal_mode = DELETE")  # once it is known to be ours
        sync_path(self._directory)
        return self._connection

    def _wait(self, connection: Connection, patience: float) -> None:
        """Have SQLite wait so long for a lock, to the tenth of a second; mostly as it does."""
        tenths = round(patience * 10)
        if tenths != self._tenths:
            connection.execute(f"PRAGMA busy_timeout = {tenths * 100}")
            self._tenths = tenths

    def _patience(self, deadline: float) -> float | None:
        """Return for how many seconds to queue; without end where there is no deadline."""
        return None if deadline == float("inf") else max(0.0, deadline - self._clock.monotonic())

    def _left(self, deadline: float) -> float:
        """Return for how many seconds a statement may wait for a lock."""
        return max(LEAST_WAIT, min(BUSY_TIMEOUT, deadline - self._clock.monotonic()))

    def _patiently(self, connection: Connection, statement: str, deadline: float) -> None:
        for delay in LOCK_DELAYS:
            try:
                connection.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if not damage.is_busy(error) or self._clock.monotonic() + delay > deadline:
                    raise
            self._clock.sleep(delay)
        connection.execute(statement)


@contextmanager
def reading(path: str, patience: float = BUSY_TIMEOUT) -> Iterator[Connection | None]:
    """Give a connection that only reads, or nothing where no database has been begun.

    Raises `DatabaseUnusableError` with the reason whenever SQLite cannot do what is asked, and
    `UnknownSchemaError` for a database that is not ours.

    :param patience: seconds to wait for who has it locked.
    """
    with looking(path, patience) as connection:
        if connection is not None:
            schema.check(connection, path)
        yield connection


@contextmanager
def looking(path: str, patience: float = BUSY_TIMEOUT) -> Iterator[Connection | None]:
    """Give a connection that only reads to whatever database there is, or nothing.

    :param patience: seconds to wait for who has it locked.
    """
    WORK.refuse_inherited(path)
    with unreadable_told(path):
        if not os.path.exists(path):
            yield None
            return
        with WORK.on(path), closing(connect_existing(path, patience)) as connection:
            connection.execute("PRAGMA query_only = ON")
            yield None if schema.is_empty(connection) else connection


@contextmanager
def unreadable_told(path: str) -> Iterator[None]:
    """Raise what keeps SQLite from reading as `DatabaseUnusableError`, a lock as a busy one."""
    try:
        yield
    except sqlite3.Error as error:
        if damage.is_busy(error):
            what = f"{path} cannot be read: database is locked, another program keeps it locked"
            raise DatabaseBusyError(what) from error
        what = f"{path} cannot be read: {error}"
        raise DatabaseUnusableError(what, damage.remedy_for(error)) from error


def refuse_another_file(path: str, known: FileId | None) -> None:
    """Raise `DatabaseUnusableError` when the path no longer leads to the file that is known.

    To be asked before each of several reads by one connection: SQLite finds journals by their
    names, and would play that of the new file into the old one, and remove it.
    """
    if damage.file_id(path) != known:
        raise DatabaseUnusableError(f"another file took the place of {path} meanwhile; try again")


def connect_existing(path: str, patience: float = BUSY_TIMEOUT) -> Connection:
    """Open a connection to a file that is there; SQLite itself would begin one that is not.

    :param patience: seconds to wait for who has it locked.
    """
    # not mode=ro: the journal of a killed writer must be rolled back before one can read
    location = Path(path).absolute().as_uri() + "?mode=rw"
    return sqlite3.connect(
        location, uri=True, timeout=patience, isolation_level=None, check_same_thread=False
    )


def connect(path: str, patience: float = BUSY_TIMEOUT) -> Connection:
    """Open a connection as every writer of ours has it, but for the journal mode of the file."""
    connection = sqlite3.connect(
        path,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,  # after a fork the parent's worker is a new thread
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")  # else a file for each insert of a run
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        connection.execute("PRAGMA cache_spill = OFF")  # it would lock out who reads until the end
    except BaseException:
        connection.close()
        raise
    return connection
