"""Counts the rows of a database in which something is not as every row should have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from telemetry_core import Finding, Level, parse_iso8601
from telemetry_sqlite import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

_STATUSES = "('running', 'success', 'failure', 'partial', 'timeout', 'cancelled')"
_WORDS = {"agent_runs": "runs", "run_events": "events"}
_MIGRATE = "telemetry db migrate mends it in an older database; else mend it by hand"
_TEXT = "it is shown as the text it is; mend it by hand"
_LATE = "filters by time and the order of lists pass it over; mend it by hand"


class Doubt(NamedTuple):
    """What no row should have: where, the condition in SQL, and what it is called."""

    table: str
    column: str
    condition: str
    what: str
    level: Level
    remedy: str


def _json(table: str, column: str) -> Doubt:
    condition = f"{column} IS NOT NULL AND NOT json_valid({column})"
    return Doubt(table, column, condition, f"text that is no JSON in {column}", Level.WARN, _TEXT)


def _time(table: str, column: str) -> Doubt:
    what = f"text that is no time in {column}"
    return Doubt(table, column, f"NOT is_time({column})", what, Level.WARN, _LATE)


_ALL = (
    Doubt(
        "agent_runs", "event_id", "coalesce(event_id, '') = ''", "no event id", Level.FAIL, _MIGRATE
    ),
    Doubt(
        "agent_runs",
        "status",
        f"coalesce(status, '') NOT IN {_STATUSES}",
        "a status that is none of the six",
        Level.FAIL,
        _MIGRATE,
    ),
    *(_json("agent_runs", column) for column in ("metrics_json", "context_json")),
    *(_time("agent_runs", name) for name in ("start_time", "end_time", "created_at", "updated_at")),
    _json("run_events", "payload_json"),
    _time("run_events", "timestamp"),
)


def doubts(connection: Connection) -> Iterator[Finding]:
    """Give what is to be said of the rows, also of an older schema's."""
    connection.create_function("is_time", 1, _is_time, deterministic=True)
    found = [finding for table in _WORDS for finding in _of(connection, table)]
    yield from found
    if repeated := _repeated(connection):
        what = f"{repeated:,} event ids are borne by several runs"
        yield Finding("event_ids", Level.FAIL, what, _MIGRATE)


def _of(connection: Connection, table: str) -> Iterator[Finding]:
    there = schema.columns(connection, table)
    asked = [doubt for doubt in _ALL if doubt.table == table and doubt.column in there]
    if not asked:
        return
    sums = ", ".join(f"coalesce(sum({doubt.condition}), 0)" for doubt in asked)
    row = connection.execute(f"SELECT count(*), {sums} FROM {table}").fetchone()
    for doubt, number in zip(asked, row[1:], strict=True):
        if number:
            what = f"{number:,} of {row[0]:,} {_WORDS[table]} have {doubt.what}"
            yield Finding(_WORDS[table], doubt.level, what, doubt.remedy)
    if not any(row[1:]):
        yield Finding(_WORDS[table], Level.OK, f"{row[0]:,} {_WORDS[table]} have what they need")


def _repeated(connection: Connection) -> int:
    if "event_id" not in schema.columns(connection, "agent_runs"):
        return 0
    counted = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM agent_runs WHERE event_id <> ''"
        " GROUP BY event_id HAVING count(*) > 1)"
    )
    return int(counted.fetchone()[0])


def _is_time(value: object) -> bool:
    if value is None:
        return True
    try:
        parse_iso8601(str(value))
    except (ValueError, OverflowError):
        return False
    return True
