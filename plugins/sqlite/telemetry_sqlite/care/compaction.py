"""Rewrites the database without its free pages, as a file that gives such pages back by itself."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from attrs import define

from telemetry_sqlite.care.backups import rows_in
from telemetry_sqlite.care.copying import verify
from telemetry_sqlite.care.explaining import explaining
from telemetry_sqlite.care.pages import reclaims, used_bytes
from telemetry_sqlite.care.swapping import alone, look_well, swap
from telemetry_sqlite.care.unfinished import unfinished
from telemetry_sqlite.database import connect
from telemetry_sqlite.errors import DatabaseUnusableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite.care.progress import Shown

_SPARE = 16 << 20  # for those who go on recording meanwhile
_STEPS = 100_000  # of SQLite's own machine, between two looks at how far it is


@define(frozen=True)
class Compacted:
    """How many bytes the file had, and has now."""

    path: str
    before: int
    after: int


def refuse_without_room(path: str, needed: int) -> None:
    """Raise `DatabaseUnusableError` when the disk has less room than is needed."""
    free = shutil.disk_usage(os.path.dirname(os.path.realpath(path))).free
    if free < needed + _SPARE:
        raise DatabaseUnusableError(
            f"{path} stays as it was: to rewrite it {needed + _SPARE:,} bytes are needed beside it,"
            f" and the disk has {free:,}; make room, or delete first: telemetry db retain"
        )


def compact(path: str, *, wait: float, progress: Shown) -> Compacted:
    """Rewrite the file and put the new one in its place; writers wait meanwhile, readers go on.

    Raises `DatabaseUnusableError`, and then nothing is changed: so for a disk without the room,
    and for a database that is not ours or has to be migrated.

    :param wait: seconds to wait for others who keep the file locked.
    """
    needed = used_bytes(path, wait)
    refuse_without_room(path, needed)
    real = os.path.realpath(path)
    with explaining(f"{path} stays as it was"), unfinished(real) as new, alone(path, wait):
        before = os.path.getsize(real)
        _rewrite(real, new, lambda: progress(min(os.path.getsize(new), needed), needed))
        problems = verify(new)
        if problems or rows_in(new) != rows_in(real):
            what = f"it {problems[0]}" if problems else "rows are missing in it"
            raise DatabaseUnusableError(
                f"{path} stays as it was, for the new file is no good: {what}"
            )
        swap(path, new, look_well)
    return Compacted(path, before, os.path.getsize(real))


def _rewrite(path: str, empty: str, show: Callable[[], object]) -> None:
    with closing(connect(path)) as connection:
        if not reclaims(connection):
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of the new file
        connection.set_progress_handler(lambda: bool(show()), _STEPS)
        try:
            connection.execute("VACUUM INTO ?", (empty,))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:  # Ctrl-C, seen by the handler
                raise KeyboardInterrupt from None
            raise
