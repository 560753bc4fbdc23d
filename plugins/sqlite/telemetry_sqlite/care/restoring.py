"""Brings a backup back into the database's place; whatever was there stays beside it."""

from __future__ import annotations

import os
import shlex
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

from telemetry_sqlite import schema
from telemetry_sqlite.care.backups import (
    find_backups,
    folder_of,
    free_name,
    newest_sound,
    rows_in,
)
from telemetry_sqlite.care.copying import copy_into, verify
from telemetry_sqlite.care.explaining import explaining
from telemetry_sqlite.care.swapping import alone, is_same_file, look_well, swap
from telemetry_sqlite.care.unfinished import finish_over, unfinished
from telemetry_sqlite.database import connect_existing, looking
from telemetry_sqlite.errors import DatabaseUnusableError, UnknownSchemaError

if TYPE_CHECKING:
    from sqlite3 import Connection

    from telemetry_sqlite.care.progress import Shown

_WHY = "before-restore"
_KEYS = {"runs": ("agent_runs", ("event_id", "run_id")), "events": ("run_events", ("event_id",))}


@define(frozen=True)
class Restored:
    """What became of the database.

    :ivar safety: where the file that was there is now; nothing when there was none.
    :ivar rows: how many runs and events there are now.
    :ivar missing: how many of the file before are not there now; nothing when it is unreadable.
    :ivar outdated: whether the backup is of an older release, and has to be migrated.
    """

    path: str
    backup: str
    safety: str | None
    rows: dict[str, int]
    missing: dict[str, int] | None
    outdated: bool


def choose(database: str, wanted: str | None) -> str:
    """Return the backup that is meant, verified: the one of this name, or the newest sound one.

    Raises `DatabaseUnusableError` when it is not sound, or when there is none.
    """
    if wanted is None:
        found = newest_sound(database)
        if found is None:
            raise DatabaseUnusableError(
                f"there is no sound backup in {folder_of(database)}; see: telemetry db backups"
                " --verify. Runs that ndjson keeps are brought in by: telemetry db rebuild"
            )
        return found.path
    path = _path_of(database, wanted)
    if problems := verify(path):
        sound = newest_sound(database)
        instead = (
            f"The newest sound backup: telemetry db restore {shlex.quote(sound.path)}"
            if sound
            else "No other backup is sound; see: telemetry db backups"
        )
        raise DatabaseUnusableError(
            f"{path} cannot be restored: it {problems[0].removesuffix('.')}. {instead}"
        )
    return path


def refuse_another_programs(database: str, wait: float) -> None:
    """Raise `UnknownSchemaError` where the present file is a sound database, but not ours."""
    try:
        with looking(database, wait) as connection:
            if connection is not None and schema.state(connection) is schema.State.STRANGE:
                schema.check(connection, database)
    except UnknownSchemaError:
        raise
    except DatabaseUnusableError:  # damaged is what backups are for; locked is waited for later
        return


def missing_from(backup: str, present: str, wait: float) -> dict[str, int] | None:
    """Return how many runs and events of the present file the backup does not have.

    Nothing when the present file is not there, or cannot be read.
    """
    try:
        with closing(connect_existing(present, wait)) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute(
                "ATTACH ? AS backup", (Path(backup).absolute().as_uri() + "?mode=ro",)
            )
            counts = {name: _missing(connection, *_KEYS[name]) for name in _KEYS}
    except sqlite3.Error:
        return None
    return {name: number for name, number in counts.items() if number is not None}


def restore(
    database: str,
    backup: str,
    *,
    wait: float,
    progress: Shown | None = None,
) -> Restored:
    """Put a copy of the verified backup in the database's place.

    Programs that write wait for a moment, and go on with the restored file. Killed at any moment,
    the old file or the new one is there, whole.

    :param wait: seconds to wait for others who keep the file locked.
    """
    real = os.path.realpath(database)
    with explaining(f"{database} stays as it was"):
        os.makedirs(folder_of(database), mode=0o700, exist_ok=True)
        with unfinished(real) as new:
            copy_into(backup, new, progress)
            _refuse_unsound(new)
            with alone(database, wait):
                _forget_killed_swaps(database)
                keep = free_name(database, folder_of(database), _WHY)
                swap(database, new, look_well, keep)
    safety = keep if os.path.exists(keep) else None
    if safety:
        _have_its_own_file(safety)
    return Restored(
        path=database,
        backup=backup,
        safety=safety,
        rows=rows_in(backup),
        missing=missing_from(backup, safety, wait) if safety else None,
        outdated=_is_outdated(backup),
    )


def _path_of(database: str, wanted: str) -> str:
    """Return the path of a backup, given by its path or by its name in the folder of backups."""
    given = os.path.abspath(os.path.expanduser(wanted))
    beside = os.path.join(folder_of(database), wanted)
    found = next((path for path in (given, beside) if os.path.isfile(path)), None)
    if found is None:
        raise DatabaseUnusableError(f"there is no backup {given}; see: telemetry db backups")
    if is_same_file(found, database):
        raise DatabaseUnusableError(f"{found} is the database itself, not a backup of it")
    return found


def _missing(connection: Connection, table: str, keys: tuple[str, ...]) -> int | None:
    known = _columns(connection, "main", table) & _columns(connection, "backup", table)
    key = next((key for key in keys if key in known), None)
    if key is None:
        return None
    there = f"SELECT {key} FROM backup.{table} WHERE {key} IS NOT NULL"
    sql = f"SELECT count(*) FROM main.{table} WHERE {key} NOT IN ({there})"
    return int(connection.execute(sql).fetchone()[0])


def _columns(connection: Connection, database: str, table: str) -> set[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?, ?)", (table, database))
    return {name.lower() for (name,) in rows}


def _forget_killed_swaps(database: str) -> None:
    """Remove what is only a second name of the present file: a swap was killed before it.

    Who calls this is `alone`, or it would take the old file from a swap that goes on.
    """
    for one in find_backups(database):
        if one.why and is_same_file(one.path, database):
            os.unlink(one.path)


def _have_its_own_file(safety: str) -> None:
    """Keep a copy in the old file's stead, if that can be copied.

    A program that does not look may have the old one open, and as it reads it SQLite would take
    the journal of the new one for its own, and play that into it.
    """
    with suppress(sqlite3.Error, OSError), unfinished(safety) as copy:
        copy_into(safety, copy)
        finish_over(copy, safety)


def _refuse_unsound(copy: str) -> None:
    if problems := verify(copy):
        raise DatabaseUnusableError(f"the copy of the backup is not sound: it {problems[0]}")


def _is_outdated(path: str) -> bool:
    with looking(path) as connection:
        return connection is not None and schema.state(connection) is schema.State.OLDER
