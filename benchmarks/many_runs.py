"""A database of many runs, and the filters by which one asks for some of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from telemetry_sqlite.database import Database
from telemetry_sqlite.schema import script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LASTED = timedelta(days=30)
COLUMNS = (
    *("event_id", "run_id", "created_at", "updated_at", "start_time", "end_time", "agent_name"),
    *("job_type", "status", "product", "website", "item_name", "items_discovered"),
    *("items_succeeded", "duration_ms", "output_summary", "git_repo", "git_branch"),
    *("git_commit_hash", "host", "environment", "trigger_type", "metrics_json"),
)
INSERT = f"INSERT INTO agent_runs ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_PARTS = (
    "SELECT type, name, sql FROM sqlite_master"
    " WHERE type IN ('index', 'trigger') AND tbl_name = 'agent_runs' AND sql IS NOT NULL"
)
# Rows in the order of their time, made by SQLite itself, in a tenth of the time. A few agents and
# jobs have most runs, the last ones few; the busiest agent never has job-01, which is frequent.
_ROWS = f"""
    WITH RECURSIVE
    numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers LIMIT :count),
    mixed AS (
        SELECT n, n * 2654435761 % 4294967296 % 1000 / 1000.0 AS one,
            n * 2246822519 % 4294967296 % 1000 / 1000.0 AS other,
            :began + :lasted * n / :count AS created
        FROM numbers
    ),
    spread AS (
        SELECT *, iif(n % 4999 = 7, 19, cast(19 * one * one * one AS INTEGER)) AS agent,
            iif(n % 4999 = 9, 29, cast(29 * other * other * other AS INTEGER)) AS job
        FROM mixed
    ),
    stories AS (
        SELECT *, CASE WHEN n % 17 = 16 THEN 'failure' WHEN n % 53 = 52 THEN 'partial'
            WHEN n % 197 = 196 THEN 'cancelled' WHEN n % 499 = 498 THEN 'timeout'
            WHEN n % 997 = 996 THEN 'running' ELSE 'success' END AS status,
            strftime('%Y-%m-%dT%H:%M:%S', created, 'unixepoch') || '.250000+00:00' AS at,
            strftime('%Y-%m-%dT%H:%M:%S', created - iif(n % 101, n % 7, 9000), 'unixepoch') || '.250000+00:00' AS began
        FROM spread
    )
    INSERT INTO agent_runs ({", ".join(COLUMNS)})
    SELECT printf('%08x-0000-4000-8000-000000000000', n),
        printf('20260101T000000Z-crawler-%08x', n), at, at, began, iif(status = 'running', NULL, at),
        printf('agent-%02d', agent), printf('job-%02d', job + (agent = 0 AND job = 1)), status,
        'shop', 'example.org', 'pages/' || n, 12, 11, 4321, '11 of 12 pages',
        'https://example.org/shop.git', 'main', printf('%040x', n), 'host-1', 'production',
        'scheduler', '{{"pages":12,"bytes":51200,"rate":0.917}}'
    FROM stories
"""


def fill(database: Path, count: int) -> None:
    """Make a database of the service's own shape with so many runs.

    What costs time with every row, indexes and triggers, is made when all rows are there.
    """
    made = Database(str(database))
    made.write(lambda _connection: None)
    made.close()
    times = {"began": BEGAN.timestamp(), "lasted": LASTED.total_seconds()}
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        parts = connection.execute(_PARTS).fetchall()
        connection.execute("BEGIN IMMEDIATE")
        for kind, name, _sql in parts:
            connection.execute(f'DROP {kind} "{name}"')
        connection.execute(_ROWS, {"count": count, **times})
        for _kind, _name, sql in parts:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.executescript(f"BEGIN IMMEDIATE;{script('count_anew.sql')};COMMIT;")


def rows(database: Path) -> list[tuple[object, ...]]:
    """Return the rows of a database, as they are inserted into another one."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(f"SELECT {', '.join(COLUMNS)} FROM agent_runs").fetchall()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _between(name: str, begin: float, end: float) -> dict[str, str]:
    """Return a window of time, from one part of the whole to another."""
    first, last = ("created_after", "created_before") if name == "created" else _STARTS
    return {first: _text(BEGAN + LASTED * begin), last: _text(BEGAN + LASTED * end)}


_STARTS = ("start_time_from", "start_time_to")
# Of each filter nothing, what most have, what most have but not together, and what few have.
CHOICES: tuple[tuple[dict[str, str], ...], ...] = (
    ({}, {"agent_name": "agent-00"}, {"agent_name": "agent-19"}),
    ({}, {"job_type": "job-00"}, {"job_type": "job-01"}, {"job_type": "job-29"}),
    ({}, {"status": "success"}, {"status": "running"}),
    ({}, _between("created", 0.01, 0.9), _between("created", 0.5, 0.501)),
    ({}, _between("start", 0.01, 0.9), _between("start", 0.2, 0.201)),
)


def filters() -> Iterator[dict[str, str]]:
    """Give every combination, also those that nothing answers to; the first filters nothing."""
    for chosen in product(*CHOICES):
        yield {name: value for choice in chosen for name, value in choice.items()}


def path(which: dict[str, str], **more: object) -> str:
    """Return the path that asks for them."""
    asked = urlencode({**which, **more})
    return f"/api/v1/runs?{asked}" if asked else "/api/v1/runs"
