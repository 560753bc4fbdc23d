"""Cuts long work on the database into transactions so short that no writer waits long."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from telemetry_core import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from telemetry_sqlite.database import Database

T = TypeVar("T")

_TARGET = 0.04  # seconds; some 15 ms go into the syncing of even the smallest transaction
_LEAST, _MOST = 100, 10_000


class Pace:
    """Does pieces of work, each in a transaction of its own, and learns how large they may be."""

    def __init__(self, database: Database, size: int = _LEAST) -> None:
        self._database = database
        self._size = size

    def do(self, work: Callable[[Connection, int], T]) -> T:
        """Do one piece of work, and then leave the database to others for half as long.

        Those of ours come next by their turn anyway; SQLite's own lock has no queue.

        :param work: is given the connection, and how much it may do.
        """
        began = 0.0

        def timed(connection: Connection) -> T:
            nonlocal began
            began = SystemClock.monotonic()  # not before: nobody waited while we did
            return work(connection, self._size)

        result = self._database.transact(timed)
        took = SystemClock.monotonic() - began
        fitting = round(self._size * _TARGET / max(took, _TARGET / 2))
        self._size = min(max(fitting, _LEAST), _MOST)
        SystemClock.sleep(took / 2)
        return result
