"""Migrations that are killed, and programs that go on meanwhile."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import schema
from telemetry_sqlite.care.migrating import migrate

from telemetry_core import TelemetryClient, TelemetryConfig
from tests.forked import ended, forked
from tests.plugins.sqlite.care.conftest import ROWS, SHAPES, fill
from tests.plugins.sqlite.processes import python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from telemetry_sqlite.care.migrating import Migration

    Migrated = Callable[..., Migration]
    Make = Callable[..., Path]

PATIENCE = 60

# What a program before ours does for each run: a connection, a statement, a commit.
WRITER = """
import itertools, sqlite3, sys
for number in itertools.count():
    connection = sqlite3.connect(sys.argv[1], timeout=60)
    connection.execute(
        "INSERT INTO agent_runs (event_id, run_id, created_at, start_time, agent_name, job_type, status)"
        " VALUES (?, 'theirs', '2026-01-01T00:00:00Z', '2026-01-01', 'writer', 'j', 'running')",
        (f"theirs-{number}",),
    )
    connection.commit()
    connection.close()
    print(number, flush=True)
"""
MIGRATION = """
import sys
from telemetry_sqlite.care.migrating import migrate
print("begun", flush=True)
migrate(sys.argv[1], wait=60, progress=lambda done, total: print(done, flush=True))
print("done", flush=True)
"""


@contextmanager
def writing(path: Path) -> Iterator[list[int]]:
    """Let a program write meanwhile; what was committed stands in the list afterwards."""
    committed: list[int] = []
    with python(WRITER, path) as writer:
        assert writer.stdout is not None
        committed.append(int(writer.stdout.readline()))
        try:
            yield committed
        finally:
            writer.kill()
            committed += [int(line) for line in writer.stdout if line.endswith("\n")]


def killed_after(seconds: float, path: Path) -> None:
    """Begin to migrate, and kill what does it so many seconds later, if it takes so long."""

    def work() -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        migrate(str(path), wait=PATIENCE, progress=lambda done, total: None)

    assert ended(forked(work)) in {0, -signal.SIGALRM}


def assert_whole(path: Path, committed: list[int], before: list[str]) -> None:
    """See to it that the file is the old one or the new one, with every row in it."""
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = [row[1] for row in connection.execute("PRAGMA table_info(agent_runs)")]
        assert names == before or schema.differences(connection) == []
        counted = "SELECT count(*) FROM agent_runs WHERE run_id {} 'theirs'"
        assert connection.execute(counted.format("<>")).fetchone() == (len(ROWS) + 400,)
        assert connection.execute(counted.format("=")).fetchone()[0] >= len(committed)


@pytest.fixture
def large(make: Make) -> Path:
    """Return an old database in which a migration takes a moment."""
    many = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    INSERT INTO agent_runs (event_id, run_id, agent_name, job_type, start_time, created_at, status,
        output_summary) SELECT 'many-' || i, 'run-' || i, 'a', 'j', '2025-01-01', '2025-01-01',
        'success', hex(randomblob(2000)) FROM n;
    """
    return make(SHAPES["7-by-number"], fill(SHAPES["7-by-number"]), many, name="large.sqlite")


@pytest.mark.parametrize("attempt", range(5))
def test_killed_at_any_moment_while_others_write_the_file_is_the_old_or_the_new_one(
    large: Path, tmp_path: Path, migrated: Migrated, attempt: int
) -> None:
    with closing(sqlite3.connect(large)) as connection:
        before = [row[1] for row in connection.execute("PRAGMA table_info(agent_runs)")]
    for moment in range(5):
        path = tmp_path / f"{moment}.sqlite"
        shutil.copy(large, path)
        with writing(path) as committed:
            killed_after(random.uniform(0.001, 0.6), path)
        assert_whole(path, committed, before)
        migrated(path, wait=PATIENCE)
        assert_whole(path, committed, [])


def test_killed_in_the_middle_of_the_rows_the_old_file_is_there(
    large: Path, migrated: Migrated
) -> None:
    with closing(sqlite3.connect(large)) as connection:
        before = [row[1] for row in connection.execute("PRAGMA table_info(agent_runs)")]
    with python(MIGRATION, large) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["begun\n", "403\n"]
        process.kill()
    assert_whole(large, [], before)
    migrated(large)
    assert_whole(large, [], [])


def test_a_program_whose_sink_refused_the_old_file_delivers_once_another_has_migrated_it(
    tmp_path: Path, make: Make
) -> None:
    (tmp_path / "db").mkdir()
    path = make(SHAPES["7-by-run"], fill(SHAPES["7-by-run"]), name="db/telemetry.sqlite")
    config = TelemetryConfig(base_dir=tmp_path, active=("sqlite",))
    with TelemetryClient(config) as client:
        run_id = client.start_run("crawler", "nightly")
        waiting: Any = client.flush(timeout=PATIENCE)
        assert (waiting.pending, waiting.delivered, waiting.refused) == (1, 0, 0)
        assert "telemetry db migrate" in waiting.sinks["sqlite"].error

        with python(MIGRATION, path) as process:
            process.communicate(timeout=PATIENCE)
        client.end_run(run_id)

        assert client.flush(timeout=PATIENCE)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT status FROM agent_runs WHERE run_id = ?", (run_id,))
        assert found.fetchall() == [("success",)]
