"""Gives an older database our tables within one open transaction, and carries every row over."""

from __future__ import annotations

import sqlite3
from collections import Counter
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import define, field

from telemetry_sqlite import schema
from telemetry_sqlite.care.mending import Mender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

    from telemetry_sqlite.care.mending import Row
    from telemetry_sqlite.care.progress import Shown

_ASIDE = "before_migration_"
_HISTORY = "schema_migrations_old"
_CARRIED = ("agent_runs", "run_events")
_ROWS_AT_ONCE = 1000
_SAME = "duplicate column name"

# The indexes of the reference's schemas: ours do their work.
_REPLACED = {
    *(
        f"idx_runs_{name}"
        for name in ["event_id", "agent", "status", "start", "created", "created_desc"]
    ),
    *(f"idx_runs_{name}" for name in ["agent_status_created", "agent_created", "job_type"]),
    *(f"idx_runs_{name}" for name in ["parent_run", "api_posted", "insight", "commit", "website"]),
    *("idx_runs_website_section", "idx_agent_runs_website", "idx_agent_runs_website_section"),
    "idx_events_run",
}


@define
class Changes:
    """What an upgrade did.

    :ivar rows: how many of each table were carried over.
    :ivar columns: what our tables have and the old ones had not.
    :ivar statuses, made, mended: see `Mender`.
    :ivar kept: what is there of others, as `index name`; `left`: what could not be, and why.
    """

    rows: dict[str, int] = field(factory=dict)
    columns: list[str] = field(factory=list)
    statuses: Counter[str] = field(factory=Counter)
    made: Counter[str] = field(factory=Counter)
    mended: Counter[str] = field(factory=Counter)
    kept: list[str] = field(factory=list)
    left: list[str] = field(factory=list)


def upgrade(connection: Connection, progress: Shown) -> Changes:
    """Make the database one of ours; the caller commits.

    Whatever its shape, the way is the same: the columns that each version brought are added
    where they are missing, the tables go aside, ours are made, and the rows go from one to the
    other. Columns, tables, indexes, triggers and views of others stay.

    Where the tables are as they should be, only what belongs to them is made or counted anew.

    Raises `sqlite3.Error`, also where it would not come out right; the caller rolls back.
    """
    if not schema.tables_differ(connection):
        return _completed(connection)
    changes = Changes(columns=schema.lacking(connection))
    others = _attached(connection)
    for name in _steps():
        for statement in schema.statements(schema.script(name)):
            _unless_done(connection, statement)
    _make_room(connection)
    connection.execute(f"DROP TABLE IF EXISTS {schema.TALLIES}")
    for statement in schema.statements(schema.script()):
        if "CREATE TABLE" in statement:
            connection.execute(statement)
    _carry_all(connection, changes, progress)
    for table in schema.TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {_ASIDE}{table}")
    for statement in schema.statements(schema.script()):
        connection.execute(statement)
    schema.count_anew(connection)
    for kind, name, statement in others:
        try:
            connection.execute(statement)
        except sqlite3.Error as error:
            changes.left.append(f"{kind} {name}: {error}")
    changes.kept = _of_others(connection)
    _verify(connection)
    return changes


def _completed(connection: Connection) -> Changes:
    schema.complete(connection)
    schema.count_anew(connection)
    _verify(connection)
    return Changes(rows={table: _count(connection, table) for table in _CARRIED})


def _steps() -> list[str]:
    """Return the files that bring what versions before ours brought, in their order."""
    names = (entry.name for entry in (files("telemetry_sqlite") / "sql").iterdir())
    return sorted(name for name in names if name.endswith(".sql") and name < f"{schema.VERSION:04}")


def _unless_done(connection: Connection, statement: str) -> None:
    """Execute a step. No version is asked: 5 wrote none, and there are several 6 and 7."""
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        if _SAME not in str(error):
            raise


def _attached(connection: Connection) -> list[tuple[str, str, str]]:
    """Return the indexes and triggers that somebody else put on our tables."""
    marks = ", ".join("?" * len(schema.TABLES))
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')"
        f" AND sql IS NOT NULL AND lower(tbl_name) IN ({marks})",
        schema.TABLES,
    )
    ours = _REPLACED | schema.names()
    return [(kind, name, sql) for kind, name, sql in rows if name not in ours]


def _make_room(connection: Connection) -> None:
    """Rename the old tables and drop their indexes and triggers, whose names are wanted again."""
    for table in schema.TABLES:
        attached = connection.execute(
            "SELECT type, name FROM sqlite_master WHERE type IN ('index', 'trigger')"
            " AND sql IS NOT NULL AND lower(tbl_name) = ?",
            (table,),
        ).fetchall()
        for kind, name in attached:
            connection.execute(f"DROP {kind} {_quoted(name)}")
        connection.execute(f"ALTER TABLE {table} RENAME TO {_ASIDE}{table}")


def _carry_all(connection: Connection, changes: Changes, progress: Shown) -> None:
    counts = {table: _count(connection, f"{_ASIDE}{table}") for table in schema.TABLES}
    total, done = sum(counts.values()), 0
    mender = Mender(_repeated(connection), changes.statuses, changes.made, changes.mended)
    for table, mend in (("agent_runs", mender.run), ("run_events", mender.event)):
        for carried in _carry(connection, table, mend):
            done += carried
            progress(done, total)
        changes.rows[table] = counts[table]
        if _count(connection, table) != counts[table]:  # then a row was lost, and we are wrong
            raise sqlite3.DataError(f"not every row of {table} could be carried over")
    _carry_history(connection)


def _repeated(connection: Connection) -> set[str]:
    """Return the event ids that several rows have: possible where no index forbade it."""
    rows = connection.execute(
        f"SELECT CAST(event_id AS TEXT) FROM {_ASIDE}agent_runs"
        " WHERE event_id <> '' GROUP BY 1 HAVING count(*) > 1"
    )
    return {event_id for (event_id,) in rows}


def _carry(connection: Connection, table: str, mend: Callable[[int, Row], Row]) -> Iterator[int]:
    """Carry all rows of a table over, some at a time; gives how many each time."""
    columns = _with_strangers(connection, table)
    names = [column.lower() for column in columns]
    chosen = ", ".join(map(_quoted, columns))
    source = connection.execute(f"SELECT rowid, {chosen} FROM {_ASIDE}{table} ORDER BY rowid")
    put = f"INSERT INTO {table} (id, {chosen}) VALUES ({', '.join('?' * (len(names) + 1))})"
    while rows := list(islice(source, _ROWS_AT_ONCE)):
        mended = (
            (rowid, *mend(rowid, dict(zip(names, row, strict=True))).values())
            for rowid, *row in rows
        )
        connection.executemany(put, mended)
        yield len(rows)


def _with_strangers(connection: Connection, table: str) -> list[str]:
    """Add the columns that only the old table has to ours; return all of the old one but the id.

    Of what they ask for only type and default stay: nobody but their owner writes them.
    """
    known = schema.columns(connection, table)
    found: list[Any] = connection.execute(
        "SELECT name, type, dflt_value FROM pragma_table_xinfo(?)", (f"{_ASIDE}{table}",)
    ).fetchall()
    for name, kind, default in found:
        if name.lower() not in known:
            given = "" if default is None else f" DEFAULT ({default})"
            plain = kind.upper().replace("GENERATED ALWAYS", "")
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {_quoted(name)} {plain}{given}")
    columns = [name for name, _, _ in found if name.lower() != "id"]
    if len(columns) < len(found):
        _refuse_foreign_ids(connection, table)
    return columns


def _refuse_foreign_ids(connection: Connection, table: str) -> None:
    sql = f"SELECT 1 FROM {_ASIDE}{table} WHERE id IS NOT rowid LIMIT 1"
    if connection.execute(sql).fetchone():
        raise sqlite3.DataError(
            f"the id of {table} is not a row's number, as ours is; call that column otherwise first"
        )


def _carry_history(connection: Connection) -> None:
    """Carry the versions over; a history that says more than ours can hold stays beside it."""
    old = f"{_ASIDE}schema_migrations"
    names = schema.columns(connection, old) & schema.columns(connection, "schema_migrations")
    if "version" in names:
        chosen = ", ".join(sorted(names))
        connection.execute(
            f"INSERT OR IGNORE INTO schema_migrations ({chosen})"
            f" SELECT {chosen} FROM {old} WHERE CAST(version AS INTEGER) = version"
        )
    complete = _count(connection, old) == _count(connection, "schema_migrations")
    if not complete or schema.columns(connection, old) - names - {"id"}:
        connection.execute(f"ALTER TABLE {old} RENAME TO {_HISTORY}")


def _of_others(connection: Connection) -> list[str]:
    rows = connection.execute("SELECT type, name FROM sqlite_master WHERE sql IS NOT NULL")
    return [
        f"{kind} {name}"
        for kind, name in rows
        if name not in schema.names() and not name.startswith("sqlite_")
    ]


def _verify(connection: Connection) -> None:
    if differing := schema.differences(connection):
        raise sqlite3.DataError(f"it would not become what it should: {'; '.join(differing)}")


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
