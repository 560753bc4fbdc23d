"""Makes the tables in an empty database, and recognises a database that is not one of ours."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from telemetry_sqlite.errors import UnknownSchemaError
from telemetry_sqlite.rows import EVENT_COLUMNS, RUN_COLUMNS

if TYPE_CHECKING:
    from sqlite3 import Connection

VERSION = 7
_SCRIPT = "0007_runs_and_events.sql"
_NEEDED = {"agent_runs": RUN_COLUMNS, "run_events": EVENT_COLUMNS}


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
    script = (files("telemetry_sqlite") / "sql" / _SCRIPT).read_text("utf-8")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nCOMMIT;")


def check(connection: Connection, path: str) -> None:
    """Raise `UnknownSchemaError` unless every table and column we need is there."""
    version = _version(connection)
    if version is None:
        raise UnknownSchemaError(
            f"{path} belongs to another program: it has tables, but no schema_migrations."
            " Nothing was changed; name another file in db_path."
        )
    if version > VERSION:
        raise UnknownSchemaError(
            f"{path} has schema {version}, this release knows up to {VERSION}."
            " Nothing was changed; upgrade telemetry-sqlite or name another file in db_path."
        )
    lacking = _lacking(connection)
    if version < VERSION or lacking:
        detail = f", without {', '.join(lacking)}" if lacking else ""
        raise UnknownSchemaError(
            f"{path} has schema {version}{detail}; schema {VERSION} of this library is needed."
            " Nothing was changed; move the file away or name another one in db_path."
        )


def _version(connection: Connection) -> int | None:
    if "version" not in _columns(connection, "schema_migrations"):
        return None
    found = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()[0]
    return found if isinstance(found, int) else 0


def _lacking(connection: Connection) -> list[str]:
    return [
        f"{table}.{column}"
        for table, columns in _NEEDED.items()
        for column in sorted(set(columns) - _columns(connection, table))
    ]


def _columns(connection: Connection, table: str) -> set[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {name for (name,) in rows}
