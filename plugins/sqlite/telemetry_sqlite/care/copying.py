"""Copies a database while others use it, and looks whether a copy is sound."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_core import make_private_file, sync_directory
from telemetry_sqlite import schema
from telemetry_sqlite.care.inspection import damage_in
from telemetry_sqlite.database import BUSY_TIMEOUT, looking
from telemetry_sqlite.errors import DatabaseUnusableError

if TYPE_CHECKING:
    from collections.abc import Callable


def copy_database(
    source: str, target: str, progress: Callable[[int, int], object] | None = None
) -> None:
    """Copy a database as it is at one moment; the copy is private, and whole once it has its name.

    Raises `OSError` or `sqlite3.Error`, and then leaves nothing.
    """
    unfinished = f"{target}.{os.getpid()}.unfinished"
    make_private_file(unfinished)
    try:
        location = Path(source).absolute().as_uri() + "?mode=rw"
        with (
            closing(sqlite3.connect(location, uri=True, timeout=BUSY_TIMEOUT)) as original,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            # in one go, for it begins anew whenever another process has written
            original.backup(copy, progress=_shown(progress))
            copy.execute("PRAGMA journal_mode = DELETE")
        _sync(unfinished)
        os.replace(unfinished, target)
    except BaseException:
        for left in (unfinished, f"{unfinished}-journal"):
            with suppress(FileNotFoundError):
                os.unlink(left)
        raise
    sync_directory(os.path.dirname(os.path.abspath(target)))


def verify(path: str) -> list[str]:
    """Return what is wrong with a copy: nothing when it is sound and one of our databases.

    One of an older release is sound too, for it can be migrated.
    """
    try:
        with looking(path) as connection:
            if connection is None:
                return [f"there is no database in {path}"]
            if damage := damage_in(connection, full=True):
                return [damage]
            if schema.state(connection) is not schema.State.OLDER:
                schema.check(connection, path)
    except DatabaseUnusableError as error:
        return [str(error)]
    return []


def _shown(
    progress: Callable[[int, int], object] | None,
) -> Callable[[int, int, int], object] | None:
    if progress is None:
        return None
    return lambda _status, left, total: progress(total - left, total)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
