"""Recognises a damaged database file and sets it aside, so that a new one can begin."""

from __future__ import annotations

import errno
import os
import sqlite3
from glob import escape, glob

from telemetry_core import get_logger, set_aside
from telemetry_sqlite.errors import (
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseUnusableError,
)

logger = get_logger("telemetry_core.sqlite")

FileId = tuple[int, int]

RESTORE = "telemetry db restore brings the newest sound backup back"
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error says that the file itself is no sound database."""
    return _code(error) in _DAMAGE


def remedy_for(error: sqlite3.Error) -> str:
    """Return what to do about a damaged file; empty for every other error."""
    return RESTORE if is_damage(error) else ""


def is_busy(error: sqlite3.Error) -> bool:
    """Whether the error says that somebody else has the file locked."""
    return _code(error) in _BUSY


def is_full(error: sqlite3.Error | OSError) -> bool:
    """Whether the error says that the disk has no more room."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return _code(error) == sqlite3.SQLITE_FULL


def as_trouble(path: str, error: sqlite3.Error | OSError) -> DatabaseUnusableError | None:
    """Return what to raise instead where a later try may do: for a lock, and for a full disk."""
    if is_full(error):
        what = f"{path} cannot be written: database or disk is full"
        return DatabaseFullError(what, "make room: telemetry db retain, or another disk")
    if isinstance(error, BlockingIOError) or (isinstance(error, sqlite3.Error) and is_busy(error)):
        what = f"{path} cannot be written: database is locked, another program keeps it locked"
        return DatabaseBusyError(what)
    return None


def file_id(path: str) -> FileId | None:
    """Return what tells this file from another one of its name; nothing where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def tell_of_removal(path: str) -> None:
    """Log that the file is gone; nothing where another one is at its place."""
    if file_id(path) is None:
        logger.warning(
            "the runs database %s was moved or removed while it was in use, and a new one is begun; "
            "%s",
            path,
            RESTORE,
        )


def set_damaged_aside(path: str, damaged: FileId | None, error: sqlite3.Error) -> None:
    """Rename the damaged file and its journal, unless another process has already done so."""
    if damaged is None or file_id(path) != damaged:
        return
    aside = set_aside(path)
    logger.error(
        "the runs database %s is damaged (%s); it was set aside as %s and a new one begun",
        path,
        error,
        aside,
    )


def files_set_aside(path: str) -> list[str]:
    """Return the damaged files that lie beside the database, oldest first."""
    found = glob(f"{escape(path)}.corrupt-*")
    return sorted(name for name in found if not name.endswith("-journal"))


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's own code without its extension; 0 for an error that is Python's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
