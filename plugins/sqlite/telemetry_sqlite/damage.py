"""Recognises a damaged database file and sets it aside, so that a new one can begin."""

from __future__ import annotations

import os
import sqlite3
from glob import escape, glob

from telemetry_core import get_logger, set_aside

logger = get_logger("telemetry_core.sqlite")

FileId = tuple[int, int]

RESTORE = "telemetry db restore brings the newest sound backup back"
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error says that the file itself is no sound database."""
    return _code(error) in _DAMAGE


def remedy_for(error: sqlite3.Error) -> str:
    """Return what to do about a damaged file; empty for every other error."""
    return RESTORE if is_damage(error) else ""


def is_busy(error: sqlite3.Error) -> bool:
    """Whether the error says that somebody else has the file locked."""
    return _code(error) in _BUSY


def file_id(path: str) -> FileId | None:
    """Return what tells this file from another one of its name; nothing where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


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
