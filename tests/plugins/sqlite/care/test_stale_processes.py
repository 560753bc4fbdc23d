"""Closing stale runs while others write, and killed in the middle."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import close_stale_runs

from tests.plugins.sqlite.processes import killed_at

if TYPE_CHECKING:
    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.care.conftest import Write
    from tests.plugins.sqlite.conftest import Story

RUNS = 500  # three batches; to end them takes one statement each, and some more
LATER = "2026-01-01T14:00:00Z"
START = "2026-01-01T12:00:00.000000+00:00"


def ask(path: str, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return connection.execute(sql).fetchall()


def close(path: str) -> None:
    close_stale_runs(path, LATER, wait=60, progress=lambda done, total: None)


@pytest.fixture
def path(sink: SqliteSink, story: Story) -> str:
    """Return a database in which many runs were left running."""
    names = [f"x-{number}" for number in range(RUNS)]
    runs = [story.a_run(event_id=name, run_id=name, updated_at=START) for name in names]
    sink.ship_batch(story.batch(*map(story.run, runs)))
    return sink.destination()


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_statement_while_others_write_nothing_is_lost_and_the_next_one_goes_on(
    path: str, write: Write, seed: int
) -> None:
    chance = random.Random(seed)
    writer = write(path, "written")
    arrived = {writer.said()}
    killed_at(chance.randrange(RUNS), lambda: close(path))
    close_stale_runs(path, LATER)
    arrived |= writer.stop()
    assert ask(path, "SELECT status, count(*) FROM agent_runs GROUP BY status") == [
        ("cancelled", RUNS)
    ]
    assert arrived <= {name for (name,) in ask(path, "SELECT event_id FROM run_events")}
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
