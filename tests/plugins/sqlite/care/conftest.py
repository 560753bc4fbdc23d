"""Databases as programs before ours made them, in every shape, with a few rows each."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite.care.migrating import migrate

from tests.plugins.sqlite.care.ndjson import Lines
from tests.plugins.sqlite.processes import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from telemetry_sqlite.care.migrating import Migration

    Write = Callable[[str, str], Writer]

SIX = "CHECK (status IN ('running', 'success', 'failure', 'partial', 'timeout', 'cancelled'))"
FAILED = "CHECK (status IN ('running', 'success', 'failed', 'partial'))"
COUNTS = ("items_discovered", "items_succeeded", "items_failed")

EVENTS = """
CREATE TABLE run_events (id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL REFERENCES agent_runs(run_id), event_type TEXT NOT NULL,
    timestamp TEXT NOT NULL, payload_json TEXT);
CREATE INDEX idx_events_run ON run_events(run_id);
CREATE TABLE commits (commit_hash TEXT PRIMARY KEY, run_id TEXT REFERENCES agent_runs(run_id),
    message TEXT, created_at TEXT DEFAULT (datetime('now')));
CREATE INDEX idx_commits_run ON commits(run_id);
INSERT INTO run_events (run_id, event_type, timestamp, payload_json)
    VALUES ('run-1', 'page', '2025-12-01T10:00:01Z', '{"page": 1}'), ('run-1', 'page', 'later', NULL);
INSERT INTO commits (commit_hash, run_id, message) VALUES ('abc1234', 'run-1', 'mend it');
"""
HISTORY = "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TEXT, description TEXT);"
ODD_HISTORY = """
CREATE TABLE schema_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL,
    applied_at TEXT, description TEXT);
INSERT INTO schema_migrations (version, description) VALUES (3, 'three');
"""

# What each version of the shape with run_id as its key added.
ADDED = {
    2: "insight_id TEXT",
    3: "product_family TEXT, subdomain TEXT",
    4: "git_commit_hash TEXT, git_commit_source TEXT, git_commit_author TEXT, git_commit_timestamp TEXT",
    5: "website TEXT, website_section TEXT, item_name TEXT",
    6: "event_id TEXT UNIQUE",
}
INDEXES = {
    1: "CREATE INDEX idx_runs_agent ON agent_runs(agent_name);",
    2: "CREATE INDEX idx_runs_insight ON agent_runs(insight_id);",
    4: "CREATE INDEX idx_runs_commit ON agent_runs(git_commit_hash);",
    5: "CREATE INDEX idx_agent_runs_website ON agent_runs(website);"
    "CREATE INDEX idx_agent_runs_website_section ON agent_runs(website, website_section);",
}


def keyed_by_run_id(version: int, status: str = FAILED, checks: str = "") -> str:
    """Return what the reference's library made: `run_id` is the key."""
    counts = ", ".join(f"{name} INTEGER DEFAULT 0" for name in COUNTS)
    added = "".join(f", {columns}" for since, columns in ADDED.items() if since <= version)
    indexes = "".join(index for since, index in INDEXES.items() if since <= version)
    recorded = [number for number in range(1, version + 1) if number != 5]
    rows = ", ".join(f"({number}, 'schema {number}')" for number in recorded)
    return f"""
    CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, schema_version INTEGER DEFAULT {version},
        created_at TEXT DEFAULT (datetime('now')), updated_at TEXT, agent_name TEXT NOT NULL,
        agent_owner TEXT, job_type TEXT NOT NULL, trigger_type TEXT, start_time TEXT NOT NULL,
        end_time TEXT, status TEXT {status}, {counts}, duration_ms INTEGER DEFAULT 0,
        input_summary TEXT, output_summary TEXT, error_summary TEXT, metrics_json TEXT,
        product TEXT, platform TEXT, git_repo TEXT, git_branch TEXT, git_run_tag TEXT, host TEXT,
        api_posted INTEGER DEFAULT 0, api_posted_at TEXT, api_retry_count INTEGER DEFAULT 0
        {added}{checks});
    {indexes}{HISTORY}{EVENTS}
    INSERT INTO schema_migrations (version, description) VALUES {rows};
    """


def keyed_by_number(version: int, status: str = SIX, history: str = HISTORY) -> str:
    """Return what the reference's service made: a number is the key, `event_id` unique."""
    counts = ", ".join(
        f"{name} INTEGER DEFAULT 0 CHECK ({name} >= 0)"
        for name in (*COUNTS, "items_skipped", "duration_ms")
    )
    texts = (
        "product product_family platform subdomain website website_section item_name input_summary"
        " output_summary source_ref target_ref error_summary error_details git_repo git_branch"
        " git_commit_hash git_run_tag git_commit_source git_commit_author git_commit_timestamp"
        " host environment trigger_type metrics_json context_json"
    )
    columns = ", ".join(f"{name} TEXT" for name in texts.split())
    indexed = {
        "event_id": "event_id",
        "status": "status",
        "start": "start_time",
        "created_desc": "created_at DESC",
        "agent_status_created": "agent_name, status, created_at DESC",
        "agent_created": "agent_name, created_at DESC",
        "job_type": "job_type",
        "parent_run": "parent_run_id",
        "api_posted": "api_posted",
        "website_section": "website, website_section",
    }
    indexes = "".join(
        f"CREATE INDEX idx_runs_{name} ON agent_runs({columns});"
        for name, columns in indexed.items()
    )
    return f"""
    CREATE TABLE agent_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE,
        run_id TEXT NOT NULL, schema_version INTEGER DEFAULT {version},
        created_at TEXT NOT NULL DEFAULT (datetime('now')), updated_at TEXT DEFAULT (datetime('now')),
        start_time TEXT NOT NULL, end_time TEXT, agent_name TEXT NOT NULL, agent_owner TEXT,
        job_type TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'running' {status}, {counts}, {columns},
        api_posted INTEGER DEFAULT 0, api_posted_at TEXT, api_retry_count INTEGER DEFAULT 0,
        insight_id TEXT, parent_run_id TEXT);
    {indexes}{history}{EVENTS}
    """ + (f"INSERT INTO schema_migrations (version) VALUES ({version});" if history else "")


SHAPES = {
    **{f"{version}-by-run": keyed_by_run_id(version) for version in range(1, 7)},
    "6-by-run-with-failure": keyed_by_run_id(6, SIX),
    "7-by-run": keyed_by_run_id(
        7,
        SIX,
        ", CHECK (trigger_type IN ('cli', 'web', 'scheduler', 'mcp', 'manual')),"
        " CHECK (git_commit_source IN ('manual', 'llm', 'ci'))",
    ),
    "6-by-number-with-failed": keyed_by_number(6, FAILED),
    "6-by-number-with-odd-history": keyed_by_number(6, history=ODD_HISTORY),
    "7-by-number": keyed_by_number(7),
    "without-history": keyed_by_number(6, history=""),
    "6-in-wal-mode": "PRAGMA journal_mode = WAL;" + keyed_by_run_id(6),
}

RUN = "INSERT INTO agent_runs (run_id, agent_name, job_type, start_time, status, created_at"
ROWS = [
    "('run-1', 'crawler', 'nightly', '2025-12-01T10:00:00+00:00', 'success', '2025-12-01 10:00:00'",
    "('run-2', 'crawler', 'nightly', '2025-12-02T12:00:00+02:00', '{bad}', '2025-12-02T10:00:00Z'",
    "('run-3', 'importer', 'orders', 'last tuesday', 'running', '2025-12-03 10:00:00'",
]


def fill(script: str) -> str:
    """Return the statements that put three runs into a shape."""
    bad = "failed" if "'failed'" in script else "failure"
    if "event_id" not in script:
        return "".join(f"{RUN}) VALUES {row.format(bad=bad)});" for row in ROWS)
    return "".join(
        f"{RUN}, event_id) VALUES {row.format(bad=bad)}, 'uuid-{number}');"
        for number, row in enumerate(ROWS, 1)
    )


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Return what makes a database out of statements."""

    def make(*scripts: str, name: str = "telemetry.sqlite") -> Path:
        path = tmp_path / name
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("".join(("PRAGMA synchronous = OFF;", *scripts)))
        return path

    return make


@pytest.fixture(params=SHAPES)
def old(request: pytest.FixtureRequest, make: Callable[..., Path]) -> Path:
    """Return a database of each shape in turn, with three runs, two events and a commit."""
    script = SHAPES[request.param]
    return make(script, fill(script))


@pytest.fixture
def oldest(make: Callable[..., Path]) -> Path:
    """Return a database of the first schema."""
    return make(SHAPES["1-by-run"], fill(SHAPES["1-by-run"]))


@pytest.fixture
def migrated() -> Callable[..., Migration]:
    """Return what migrates a file without a word."""
    return lambda path, wait=5.0: migrate(str(path), wait=wait, progress=lambda done, total: None)


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    return Lines(tmp_path)


@pytest.fixture
def write() -> Iterator[Write]:
    """Return what starts a program that writes until the end of the test."""
    started: list[Writer] = []

    def write(database: str, name: str) -> Writer:
        started.append(Writer(database, name))
        return started[-1]

    yield write
    for writer in started:
        writer.end()
