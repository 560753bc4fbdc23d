"""Says in one sentence, to people, what kept SQLite or the disk from doing a piece of work."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from telemetry_sqlite.damage import is_damage
from telemetry_sqlite.errors import DatabaseUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@contextmanager
def explaining(failure: str) -> Iterator[None]:
    """Raise errors of SQLite and of the disk as `DatabaseUnusableError`: the failure, and why.

    :param failure: what did not work, as the beginning of a sentence.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusableError(f"{failure}: {_reason(error)}") from error


def _reason(error: sqlite3.Error | OSError) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY or isinstance(error, BlockingIOError):
        return "another program keeps it locked; stop that one, or try again later"
    if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) == errno.ENOSPC:
        return "the disk is full; make room"
    if isinstance(error, sqlite3.Error) and is_damage(error):
        return f"{error}; see: telemetry db check"
    return str(error)
