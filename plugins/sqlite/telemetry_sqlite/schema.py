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
from telemetry_sqlite.rows import EVENT_COLUMNS, ROW_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

VERSION = 7
TABLES = ("agent_runs", "run_events", "schema_migrations")
_SCRIPTS = ("0007_runs_and_events.sql", "0007_indexes.sql", "0007_tallies.sql")
TALLIES = "run_tallies"
_COUNT_ANEW = "count_anew.sql"
_NEEDED = {"agent_runs": ROW_COLUMNS, "run_events": ("id", *EVENT_COLUMNS)}
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
    """Create what a database lacks of ours; raise `UnknownSchemaError` for another's tables."""
    if is_empty(connection):
        create(connection)
    check(connection, path)
    if _incomplete(connection):
        connection.execute("BEGIN IMMEDIATE")
        complete(connection)
        connection.execute("COMMIT")


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table at all."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def create(connection: Connection) -> None:
    """Create the tables in one transaction; harmless where another process was quicker."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.executescript(f"BEGIN IMMEDIATE;\n{script()}\nCOMMIT;")


def complete(connection: Connection) -> None:
    """Give our tables the indexes, triggers and tallies of this release; the caller commits.

    A file may lack them that an earlier release made, or one of another shape has their name.
    """
    lacking = _incomplete(connection)
    for kind, name in _kinds(connection, lacking):
        connection.execute(f"DROP {kind} {name}")
    for statement in statements(script()):
        connection.execute(statement)
    if any(name.startswith(TALLIES) for name in lacking):
        count_anew(connection)


def count_anew(connection: Connection) -> None:
    """Fill the tallies by what is in the tables; the caller commits."""
    for statement in statements(script(_COUNT_ANEW)):
        connection.execute(statement)


def tallied(connection: Connection) -> bool:
    """Whether the tallies are there, and the triggers that keep them."""
    there = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'run~_tallies%' ESCAPE '~'"
    wanted = sum(name.startswith(TALLIES) for name in _wanted())
    return int(connection.execute(there).fetchone()[0]) >= wanted


def script(*names: str) -> str:
    """Return the text of files of ours of SQL; without a name of those that make our tables."""
    folder = files("telemetry_sqlite") / "sql"
    return "\n".join((folder / name).read_text("utf-8") for name in names or _SCRIPTS)


def statements(script: str) -> Iterator[str]:
    """Give the statements of a file of ours; only within triggers does a semicolon not end one."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


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
    return [f"{name} is {how}" for name, how in _differing(connection).items()]


def tables_differ(connection: Connection) -> bool:
    """Whether a table that holds something is not as a new database has it."""
    return bool(lacking(connection)) or any(name in TABLES for name in _differing(connection))


def names() -> set[str]:
    """Return the names of our tables and indexes."""
    return set(_wanted())


def _incomplete(connection: Connection) -> list[str]:
    """Return what `complete` can mend."""
    return [name for name in _differing(connection) if name not in TABLES]


def _differing(connection: Connection) -> dict[str, str]:
    there = _statements(connection)
    return {
        name: "not there" if name not in there else "of another shape"
        for name, statement in _wanted().items()
        if not _is_as_wanted(name, there.get(name, ""), statement)
    }


def _is_as_wanted(name: str, there: str, wanted: str) -> bool:
    """Tell whether it was made as it is wanted; a table may have further columns behind ours."""
    return there.startswith(wanted) if name in TABLES else there == wanted


def _kinds(connection: Connection, names: list[str]) -> list[tuple[str, str]]:
    """Return what of these is there, and whether it is an index, a trigger or a table."""
    rows = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
    return [(kind, name) for kind, name in rows if name in names]


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
