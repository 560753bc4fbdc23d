"""Opens the database before anything listens: makes a new one, refuses what cannot be served."""

from __future__ import annotations

import os
import shlex
import sqlite3
from typing import TYPE_CHECKING

from telemetry_sqlite import DatabaseUnusableError

from telemetry_core import SystemClock
from telemetry_run_service.process.refusals import DatabaseRefusedError

if TYPE_CHECKING:
    from telemetry_core import Clock

_PATIENCE = 2.0  # seconds for who has it locked; then requests wait for it, not the start


def make_folder(path: str, instead: str = "--db PATH") -> None:
    """Make the folder that a file is in; raises `DatabaseRefusedError`.

    :param instead: how one names another file.
    """
    folder = os.path.dirname(os.path.realpath(path))
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise DatabaseRefusedError(
            f"{folder} cannot be made: {error.strerror}; name another file: {instead}"
        ) from error


def open_database(database: str, clock: Clock | None = None, patience: float = _PATIENCE) -> bool:
    """Make the database where there is none, and prove that it can be written.

    Returns false when another program has it locked just now. Raises `DatabaseRefusedError`.
    """
    from telemetry_sqlite.database import Database

    clock = clock or SystemClock()
    try:
        opened = Database(database, clock)
        opened.transact(lambda _: None, clock.monotonic() + min(patience, _PATIENCE))
        opened.close()
    except DatabaseUnusableError as error:  # tells itself what to do
        if _is_busy(error.__cause__):
            return False
        raise DatabaseRefusedError(str(error)) from error
    except sqlite3.Error as error:
        if _is_busy(error):
            return False
        raise DatabaseRefusedError(_told(database, error)) from error
    except OSError as error:
        raise DatabaseRefusedError(
            f"{database} cannot be opened: {error.strerror or error}; see to its permissions, or "
            "name another file: --db PATH"
        ) from error
    return True


def examine(database: str) -> None:
    """Raise `DatabaseRefusedError` for a database that cannot be served; changes nothing."""
    from telemetry_sqlite.database import reading

    try:
        with reading(database, _PATIENCE):
            pass
    except DatabaseUnusableError as error:
        if not _is_busy(error.__cause__):
            raise DatabaseRefusedError(str(error)) from error


def _is_busy(error: BaseException | None) -> bool:
    from telemetry_sqlite.damage import is_busy

    return isinstance(error, sqlite3.Error) and is_busy(error)


def _told(database: str, error: sqlite3.Error) -> str:
    from telemetry_sqlite.damage import is_damage

    this = f"--db {shlex.quote(database)}"
    if is_damage(error):
        return (
            f"{database} is damaged: {error}. Nothing was changed; `telemetry db check {this}` says "
            f"what is left of it, `telemetry db restore {this}` brings a backup back"
        )
    return (
        f"{database} cannot be opened: {error}; see to its permissions and the space on the disk, "
        "or name another file: --db PATH"
    )
