"""Says in one sentence, to people, what kept SQLite or the disk from doing a piece of work."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from telemetry_sqlite.care.unfinished import is_unfinished
from telemetry_sqlite.damage import is_busy, is_damage, is_full
from telemetry_sqlite.errors import (
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseUnusableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = "the disk is full; make room"
_LOCKED = "another program keeps it locked; stop that one, or try again later"


@contextmanager
def explaining(failure: str) -> Iterator[None]:
    """Raise errors of SQLite and of the disk as `DatabaseUnusableError`: the failure, and why.

    :param failure: what did not work, as the beginning of a sentence.
    """
    try:
        yield
    except DatabaseBusyError as error:
        raise DatabaseBusyError(f"{failure}: {_LOCKED}") from error
    except DatabaseFullError as error:
        raise DatabaseFullError(f"{failure}: {_FULL}") from error
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusableError(f"{failure}: {_reason(error)}") from error


def _reason(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, BlockingIOError):
        return _LOCKED
    if isinstance(error, OSError):
        return _FULL if is_full(error) else _of_the_disk(error)
    if is_busy(error):
        return _LOCKED
    if is_damage(error):
        return f"{error}; see: telemetry db check"
    return _FULL if is_full(error) else str(error)


def _of_the_disk(error: OSError) -> str:
    """Return what the disk says, of a file that was not finished only where it was to be."""
    if error.strerror and is_unfinished(str(error.filename)):
        return f"{error.strerror}: {os.path.dirname(error.filename)}"
    return str(error)
