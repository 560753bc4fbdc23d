"""Reads how many runs there are, of whom, of what and since when, from what the triggers keep."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from telemetry_core import iso8601
from telemetry_sqlite import schema
from telemetry_sqlite.listing import LAST
from telemetry_sqlite.packing import readable_bytes

if TYPE_CHECKING:
    from sqlite3 import Connection

_DAY = 86_400 * 1_000_000_000
_MINUTE = len("2026-01-01T12:00")
_NO_TIME = ":"  # every time begins with a digit, and sorts before it
# Names as bytes, since another program may have stored one that is no UTF-8.
_KEPT = "SELECT CAST(name AS BLOB), runs FROM run_tallies WHERE kind = ?"
_COUNTED = "SELECT CAST({column} AS BLOB), count(*) FROM agent_runs GROUP BY {column}"
_COLUMNS = {"agent": "agent_name", "job": "job_type"}
_ALL = {**_COLUMNS, "minute": f"substr(created_at, 1, {_MINUTE})"}


class Totals(NamedTuple):
    """How many runs there are, by agent, the busiest first, and created within a day."""

    total_runs: int
    agents: dict[str, int]
    recent_24h: int


class Names(NamedTuple):
    """Whose runs and which jobs there are, in their order."""

    agent_names: list[str]
    job_types: list[str]


def totals(connection: Connection | None, now_ns: int) -> Totals:
    """Return the figures of the moment."""
    agents = runs_by(connection, "agent")
    return Totals(sum(agents.values()), agents, recent(connection, iso8601(now_ns - _DAY)))


def names(connection: Connection | None) -> Names:
    """Return the names that runs have."""
    return Names(*(sorted(runs_by(connection, kind)) for kind in _COLUMNS))


def runs_by(connection: Connection | None, kind: str) -> dict[str, int]:
    """Return the number of runs by `agent` or `job`, the most first.

    An earlier release kept no tallies: until somebody writes into its file they are counted.
    """
    if connection is None:
        return {}
    if schema.tallied(connection):
        rows = connection.execute(_KEPT, (kind,)).fetchall()
    else:
        rows = connection.execute(_COUNTED.format(column=_COLUMNS[kind])).fetchall()
    found: Counter[str] = Counter()
    for name, runs in rows:
        found[readable_bytes(name)] += runs
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def recent(connection: Connection | None, since: str) -> int:
    """Return how many runs were created since a moment: minutes by their tally, the first by row."""
    if connection is None:
        return 0
    begun, count = (
        since[:_MINUTE],
        "SELECT count(*) FROM agent_runs WHERE created_at >= ? AND created_at < ?",
    )
    if not schema.tallied(connection):
        return int(connection.execute(count, (since, _NO_TIME)).fetchone()[0])
    first = connection.execute(count, (since, begun + LAST)).fetchone()[0]
    rest = connection.execute(
        "SELECT coalesce(sum(runs), 0) FROM run_tallies WHERE kind = 'minute' AND name > ? AND name < ?",
        (begun, _NO_TIME),
    ).fetchone()[0]
    return int(first) + int(rest)


def wrong(connection: Connection) -> bool:
    """Whether tallies are kept and are not what one counts; reads an index of all runs for each."""
    return schema.tallied(connection) and any(
        connection.execute(_KEPT + " ORDER BY 1, 2", (kind,)).fetchall()
        != connection.execute(f"{_COUNTED.format(column=column)} ORDER BY 1, 2").fetchall()
        for kind, column in _ALL.items()
    )
