"""Puts another file in the place of the database, all at once, while programs use it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from telemetry_core import SystemClock, sync_directory
from telemetry_sqlite.care.inspection import damage_in
from telemetry_sqlite.care.unfinished import finish, sync_file, unfinished
from telemetry_sqlite.damage import file_id, is_busy, is_damage
from telemetry_sqlite.database import connect_existing, looking
from telemetry_sqlite.errors import DatabaseUnusableError
from telemetry_sqlite.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

_COMPANIONS = ("-journal", "-wal", "-shm")
_LOOK_EVERY = 0.1
_AT_ONCE = 1 << 20


@contextmanager
def alone(path: str, wait: float) -> Iterator[None]:
    """Keep all writers from the database: ours by their turn, others by SQLite's own lock.

    Who has the old file open when it is replaced finds out: our writers look before each batch,
    and SQLite refuses a transaction on a file that is no longer at its path. Not so in WAL mode,
    so that is left first. Readers go on. What is missing or damaged cannot be locked, nor written.

    :param wait: seconds after which a lock of somebody else is raised as an error.
    """
    real = os.path.realpath(path)
    with ExitStack() as stack:
        stack.enter_context(Turn(path, patience=wait))
        if os.path.exists(real):
            connection = stack.enter_context(closing(connect_existing(real, wait)))
            try:
                leave_wal(connection, wait)
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
        yield


def leave_wal(connection: Connection, wait: float) -> None:
    """Have a file in WAL mode be as ours are; SQLite itself does not wait for others to leave."""
    deadline = SystemClock.monotonic() + wait
    while True:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error) or SystemClock.monotonic() > deadline:
                raise
        SystemClock.sleep(_LOOK_EVERY)


def swap(path: str, new: str, look: Callable[[str], object], keep: str | None = None) -> None:
    """Put a finished file in the database's place. Who calls this is `alone` with it.

    At each moment there is one of the two at the path, whole.

    :param look: looks at what is there now, and raises when it is not well; then the old file
        comes back.
    :param keep: where the old file stays, its journal with it; else it is removed.
    """
    real = os.path.realpath(path)
    aside = keep or f"{new}.old.unfinished"
    sync_file(new)
    with _kept(real, aside):
        try:
            sync_directory(os.path.dirname(aside))  # before its other name is taken away
            _move_companions(real, aside)  # or they would be played into the new file
            os.replace(new, real)
            sync_directory(os.path.dirname(real))
            look(real)
        except BaseException:
            _bring_back(aside, real, spare=new)
            raise
    if keep is None:
        _remove(aside)


def look_well(path: str) -> None:
    """Raise `DatabaseUnusableError` when what was put there is no sound database."""
    with looking(path) as connection:
        damage = "nothing is there" if connection is None else damage_in(connection, full=False)
    if damage:
        raise DatabaseUnusableError(f"{path} is as it was, for the new file is not well: {damage}")


def is_same_file(path: str, other: str) -> bool:
    """Whether two paths lead to one file: what a swap leaves that was killed before it began."""
    known = file_id(path)
    return known is not None and known == file_id(other)


@contextmanager
def _kept(path: str, name: str) -> Iterator[None]:
    """Give the file, if there is one, a second name, or a copy where that cannot be."""
    try:
        os.link(path, name)
    except FileNotFoundError:
        yield
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, or the folder is on another one
        with open(path, "rb") as original:
            _copy_rest(original, name)
            yield  # closing the original drops this process's locks on it: not before it is replaced
    else:
        yield


def _copy_rest(original: BinaryIO, name: str) -> None:
    with unfinished(name) as copy:
        with open(copy, "wb") as stream:
            shutil.copyfileobj(original, stream, _AT_ONCE)
        finish(copy, name)


def _bring_back(aside: str, path: str, spare: str) -> None:
    if os.path.exists(aside):
        shutil.move(aside, spare)  # perhaps from another file system
        os.replace(spare, path)
    _move_companions(aside, path)


def _move_companions(path: str, name: str) -> None:
    for ending in _COMPANIONS:
        if os.path.exists(path + ending):
            shutil.move(path + ending, name + ending)


def _remove(path: str) -> None:
    for ending in ("", *_COMPANIONS):
        with suppress(FileNotFoundError):
            os.unlink(path + ending)
