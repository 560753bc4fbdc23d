"""Makes the tables in an empty database, and tells which database is ours, and of which age."""

from __future__ import annotations

import re
import shlex
import sqlite3
from contextlib import closing
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from telemetry_sqlite.errors import UnknownSchemaError
from telemetry_sqlite.rows import EVENT_COLUMNS, RUN_COLUMNS

if TYPE_CHECKING:
    from sqlite3 import Connection

VERSION = 7
TABLES = ("agent_runs", "run_events", "schema_migrations")
_SCRIPT = "0007_runs_and_events.sql"
_NEEDED = {"agent_runs": ("id", *RUN_COLUMNS), "run_events": ("id", *EVENT_COLUMNS)}
_EVERY_AGE_HAS = {"run_id", "agent_name", "job_type", "start_time", "status"}
_SHOWN = 3

# What SQLite keeps of a statement as it was typed, and what makes no difference.
_TYPED = re.compile(r"--[^\n]*|[\s\"`\[\]]+")


class State(StrEnum):
    """What a database is to us."""

    EMPTY = "empty"
    OURS = "ours"
    OLDER = "older"
    NEWER = "newer"
    STRANGE = "another program's"


def state(connection: Connection) -> State:
    """Tell whether the database is ours, and whether it is of this release, in a few look-ups.

    The version's number is believed only where it is higher than ours: there are files of
    schema 7 in several shapes, and some of schema 5 that say 4.
    """
    if is_empty(connection):
        return State.EMPTY
    runs = columns(connection, "agent_runs")
    if runs and version(connection) > VERSION:
        return State.NEWER
    if not runs >= _EVERY_AGE_HAS:
        return State.STRANGE
    return State.OLDER if lacking(connection) else State.OURS


def prepare(connection: Connection, path: str) -> None:
    """Create what an empty database lacks; raise `UnknownSchemaError` for another's tables."""
    if is_empty(connection):
        create(connection)
    check(connection, path)


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table at all."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def create(connection: Connection) -> None:
    """Create the tables in one transaction; harmless where another process was quicker."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.executescript(f"BEGIN IMMEDIATE;\n{script(_SCRIPT)}\nCOMMIT;")


def script(name: str = _SCRIPT) -> str:
    """Return the text of one of our files of SQL; without a name of the one that makes ours."""
    return (files("telemetry_sqlite") / "sql" / name).read_text("utf-8")


def check(connection: Connection, path: str) -> None:
    """Raise `UnknownSchemaError` unless every table and column we need is there."""
    if found := complaint(connection, path):
        raise UnknownSchemaError(f"{path} {found.what}. Nothing was changed; {found.remedy}")


class Complaint(NamedTuple):
    """Why a database is not for us, and what to do about it."""

    what: str
    remedy: str


def complaint(connection: Connection, path: str) -> Complaint | None:
    """Return what is to be said of a database that has not every table and column we need."""
    found = state(connection)
    if found is State.STRANGE:
        return Complaint(
            "belongs to another program: it has tables, but no runs of ours",
            "name another file in db_path",
        )
    if found is State.NEWER:
        return Complaint(
            f"has schema {version(connection)}, this release knows up to {VERSION}",
            "upgrade telemetry-sqlite or name another file in db_path",
        )
    if found is State.OLDER:
        return Complaint(
            f"has an older schema, without {some(lacking(connection))}",
            f"upgrade it: telemetry db migrate --db {shlex.quote(path)}",
        )
    return None


def version(connection: Connection) -> int:
    """Return the highest version that the database says it has; 0 when it says nothing."""
    if "version" not in columns(connection, "schema_migrations"):
        return 0
    found = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()[0]
    return found if isinstance(found, int) else 0


def lacking(connection: Connection) -> list[str]:
    """Return the columns we need that are not there."""
    return [
        f"{table}.{column}"
        for table, names in _NEEDED.items()
        for column in sorted(set(names) - columns(connection, table))
    ]


def columns(connection: Connection, table: str) -> set[str]:
    """Return the names of a table's columns; none when there is no such table."""
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {name.lower() for (name,) in rows}


def unique(connection: Connection, table: str, column: str) -> bool:
    """Whether an index keeps the values of a column unique."""
    indexes = connection.execute(
        'SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (table,)
    )
    return any(
        connection.execute("SELECT name FROM pragma_index_info(?)", (name,)).fetchall()
        == [(column,)]
        for (name,) in indexes.fetchall()
    )


def differences(connection: Connection) -> list[str]:
    """Return what of the schema is not as a new database has it, each in a few words.

    Further columns, tables and indexes of others are no difference.
    """
    there = _statements(connection)
    return [
        f"{name} is {'not there' if name not in there else 'of another shape'}"
        for name, statement in _wanted().items()
        if not there.get(name, "").startswith(statement)
    ]


def names() -> set[str]:
    """Return the names of our tables and indexes."""
    return set(_wanted())


@cache
def _wanted() -> dict[str, str]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        create(fresh)
        return _statements(fresh)


def _statements(connection: Connection) -> dict[str, str]:
    """Return how each table and index was made, comparably; whatever is added comes behind it."""
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%'"
        " ESCAPE '~'"
    )
    return {name: _TYPED.sub("", sql).lower().removesuffix(")") for name, sql in rows}


def some(names: list[str]) -> str:
    """Return a few of the names, and how many more there are."""
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
