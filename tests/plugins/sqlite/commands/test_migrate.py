"""`telemetry db migrate`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]

OLD = """
CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, agent_name TEXT, job_type TEXT, start_time TEXT,
    status TEXT, mine TEXT);
INSERT INTO agent_runs VALUES ('r1', 'a', 'j', '2025-01-01T00:00:00Z', 'failed', 'x');
INSERT INTO agent_runs VALUES ('r2', 'a', 'j', NULL, 'running', 'y');
"""


@pytest.fixture
def old() -> Path:
    path = Path("old.sqlite").absolute()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD)
    return path


def test_it_says_what_it_did_and_how_to_go_back(db: Db, old: Path) -> None:
    done = db("migrate", "--yes", "--db", "old.sqlite")
    (backup,) = (old.parent / "backups").iterdir()
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert lines[0] == f"{old} is now what this release needs (schema 7)."
    assert "runs 2" in lines
    assert "ids made 2 for runs" in lines
    assert "statuses 1 failed → failure" in lines
    assert "mended 1 start_time" in lines
    assert lines[-1] == f"To go back: telemetry db restore {backup} --db {old}"


def test_the_answer_in_json_is_whole(db: Db, old: Path) -> None:
    answer = json.loads(db("migrate", "--yes", "--json", "--db", "old.sqlite").stdout)
    assert answer["path"] == str(old)
    assert answer["changes"]["rows"] == {"agent_runs": 2, "run_events": 0}
    assert answer["changes"]["statuses"] == {"failed → failure": 1}
    assert Path(answer["backup"]).exists()
    assert (answer["dry_run"], answer["reclaimed"], answer["warning"]) == (False, True, "")


def test_a_dry_run_says_the_same_and_changes_nothing(db: Db, old: Path) -> None:
    before = old.read_bytes()
    rehearsed = db("migrate", "--dry-run", "--db", "old.sqlite")
    assert rehearsed.exit_code == 0
    assert "would be what this release needs" in rehearsed.stdout
    assert "Nothing was changed; to do it: telemetry db migrate" in rehearsed.stdout
    assert old.read_bytes() == before
    assert not (old.parent / "backups").exists()
    done = json.loads(db("migrate", "--yes", "--json", "--db", "old.sqlite").stdout)
    assert done["changes"]["mended"] == {"start_time": 1}


def test_nothing_is_done_where_nobody_can_be_asked(db: Db, old: Path) -> None:
    before = old.read_bytes()
    done = db("migrate", "--db", "old.sqlite")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert old.read_bytes() == before


def test_a_current_database_is_said_to_be_so_without_a_question(
    db: Db, sink: SqliteSink, story: Story
) -> None:
    sink.ship_batch(story.batch(story.event()))
    done = db("migrate")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert "needs no migration" in done.stdout


def test_another_programs_database_is_refused_in_one_line(db: Db) -> None:
    with closing(sqlite3.connect("other.sqlite")) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    done = db("migrate", "--yes", "--db", "other.sqlite")
    assert done.exit_code == 1
    assert "belongs to another program" in done.stderr
    assert done.stderr.count("\n") == 1
