"""`telemetry db retain` and `telemetry db compact`."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite.care import retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]

BEFORE = ("--older-than", "2026-06-01")


@pytest.fixture
def database(sink: SqliteSink, story: Story) -> str:
    """Return a database with an old run of two events, and one that has not ended."""
    running = story.a_run(event_id="uuid-2", run_id="run-2")
    sink.ship_batch(
        story.batch(*story.start_and_end(), story.event(), story.event(), story.run(running))
    )
    return sink.destination()


def runs(database: str) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute("SELECT run_id FROM agent_runs")]


def test_without_yes_it_only_says_what_it_would_do(db: Db, database: str) -> None:
    done = db("retain", *BEFORE)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0] == "Would be deleted, from before 2026-06-01 00:00:00Z: 1 run, 2 events"
    assert lines[1] == "  of the runs: 1 success"
    assert "Kept though old: 1 run not ended; see: telemetry db close-stale" in lines
    assert lines[-1] == "Nothing was changed; to do it, the same with --yes"
    assert runs(database) == ["run-1", "run-2"]


def test_with_yes_it_deletes_and_says_so(db: Db, database: str) -> None:
    done = db("retain", *BEFORE, "--yes")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].startswith("Deleted, from before 2026-06-01")
    assert runs(database) == ["run-2"]


def test_the_answer_in_json_is_whole(db: Db, database: str) -> None:
    planned = json.loads(db("retain", *BEFORE, "--json").stdout)
    deleted = json.loads(db("retain", *BEFORE, "--yes", "--json").stdout)
    assert planned.pop("bytes") > 0
    assert planned == {
        "path": database,
        "before": "2026-06-01T00:00:00.000000+00:00",
        "dry_run": True,
        "runs": {"success": 1},
        "events": 2,
        "loose_events": 0,
        "kept": {"running": 1, "timeless": 0},
    }
    assert (deleted["runs"], deleted["dry_run"], deleted["interrupted"]) == (
        {"success": 1},
        False,
        False,
    )
    assert deleted["given_back"] >= 0


def test_where_nothing_is_old_nothing_is_done(db: Db, database: str) -> None:
    done = db("retain", "--older-than", "2020-01-01", "--yes")
    assert "Nothing from before 2020-01-01 00:00:00Z is to be deleted." in done.stdout
    assert len(runs(database)) == 2


def test_interrupted_it_says_how_far_it_came(
    db: Db, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(retention, "sweep", interrupted)
    done = db("retain", *BEFORE, "--yes")
    assert done.exit_code == 130
    assert "Stopped; some 3 rows are left. To go on, the same again" in done.stdout
    assert "was deleted" in done.stdout


def test_an_age_is_needed_and_has_to_be_one(db: Db, database: str) -> None:
    assert db("retain").exit_code == 2
    assert db("retain", "--older-than", "long ago").exit_code == 2


def test_a_file_that_gives_nothing_back_is_told_what_does(db: Db, database: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
    assert "telemetry db compact" in db("retain", *BEFORE, "--yes").stdout
    assert db("compact").exit_code == 0
    assert json.loads(db("retain", *BEFORE, "--yes", "--json").stdout)["given_back"] == 0


def test_compacting_says_how_large_the_file_was_and_is(db: Db, database: str) -> None:
    answer = json.loads(db("compact", "--json").stdout)
    assert answer == {
        "path": database,
        "before": answer["before"],
        "after": os.path.getsize(database),
    }
    assert " before, " in db("compact").stdout
