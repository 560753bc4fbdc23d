"""Upgrades the database file in place: a verified backup first, then one transaction."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from attrs import define

from telemetry_core import sync_directory
from telemetry_sqlite import schema, tallies
from telemetry_sqlite.care.backups import back_up
from telemetry_sqlite.care.copying import copy_database
from telemetry_sqlite.care.explaining import explaining
from telemetry_sqlite.care.pages import reclaims
from telemetry_sqlite.care.swapping import leave_wal
from telemetry_sqlite.care.upgrading import Changes, upgrade
from telemetry_sqlite.database import connect_existing, looking
from telemetry_sqlite.turn import Turn

if TYPE_CHECKING:
    from sqlite3 import Connection

    from telemetry_sqlite.care.progress import Shown


@define
class Migration:
    """What became of a file.

    :ivar changes: what was done to the tables; nothing when these were as they should be.
    :ivar backup: the file as it was before.
    :ivar left_wal: whether the file was in WAL mode.
    :ivar reclaimed: whether the file was rewritten so that its free pages can be given back.
    :ivar warning: why it was not, though it should have been.
    """

    path: str
    changes: Changes | None = None
    backup: str | None = None
    left_wal: bool = False
    reclaimed: bool = False
    warning: str = ""

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return self.changes is None and not (self.left_wal or self.reclaimed or self.warning)


def needed(path: str, *, wait: float) -> bool:
    """Whether the file is one that a migration would change.

    Raises `UnknownSchemaError` for one that no migration makes ours.
    """
    with looking(path, wait) as connection:
        if connection is None:
            return False
        settled = reclaims(connection) and not _in_wal(connection)
        return _outdated(connection, path) or not settled


def migrate(path: str, *, wait: float, progress: Shown) -> Migration:
    """Make the file what a new one would be, and keep all that is in it.

    The tables change in one transaction: killed at any moment, SQLite's journal brings back what
    was. Other programs keep their connections, and wait meanwhile.

    :param wait: seconds to wait for others who use the file; raises `DatabaseUnusableError` then.
    """
    with (
        explaining(f"{path} stays as it was"),
        Turn(path, patience=wait),
        closing(_connected(path, wait)) as own,
    ):
        done = Migration(path, left_wal=_in_wal(own))
        leave_wal(own, wait)
        own.execute("BEGIN IMMEDIATE")
        try:
            if _outdated(own, path):
                done.backup = back_up(path, why="before-migrate")
                done.changes = upgrade(own, progress)
            own.execute("COMMIT" if done.changes else "ROLLBACK")
        except BaseException:
            _give_up(own, done)
            raise
        _make_reclaimable(own, done)
        sync_directory(os.path.dirname(os.path.realpath(path)))
        return done


def rehearse(path: str, *, wait: float, progress: Shown) -> Migration:
    """Do the same with a copy, which is thrown away, and return what became of it."""
    with (
        explaining(f"{path} cannot be migrated"),
        TemporaryDirectory(prefix="telemetry-rehearsal-") as directory,
    ):
        copy = os.path.join(directory, "copy.sqlite")
        copy_database(path, copy)
        with closing(_connected(copy, wait)) as own, looking(path, wait) as original:
            own.execute("BEGIN")
            changes = upgrade(own, progress) if _outdated(own, path) else None
            in_wal = original is not None and _in_wal(original)
            return Migration(path, changes, left_wal=in_wal, reclaimed=not reclaims(own))


def _outdated(connection: Connection, path: str) -> bool:
    if schema.state(connection) is not schema.State.OLDER:
        schema.check(connection, path)
    return bool(schema.differences(connection)) or tallies.wrong(connection)


def _connected(path: str, wait: float) -> Connection:
    connection = connect_existing(path, wait)
    connection.text_factory = partial(str, encoding="utf-8", errors="backslashreplace")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA legacy_alter_table = ON")  # who refers to a table means its name
    return connection


def _give_up(connection: Connection, done: Migration) -> None:
    """Remove the backup of a file that stays as it was; an interrupt may come after the commit."""
    with suppress(sqlite3.Error, OSError):
        connection.rollback()
        if done.backup and schema.differences(connection):
            os.unlink(done.backup)


def _make_reclaimable(connection: Connection, done: Migration) -> None:
    """Have SQLite rewrite the file so that free pages can be given back, by itself all or nothing."""
    if reclaims(connection):
        return
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")
        done.reclaimed = True
    except sqlite3.Error as error:
        done.warning = str(error)


def _in_wal(connection: Connection) -> bool:
    return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")
