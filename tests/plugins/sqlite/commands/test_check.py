"""`telemetry db check`."""

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


def test_a_new_database_is_sound(db: Db, sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.event(), story.run()))

    done = db("check", "--full", "--json")

    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert answer["ok"]
    assert {finding["level"] for finding in answer["findings"]} == {"ok"}


def test_what_is_no_database_is_found_and_left_as_it_is(db: Db) -> None:
    Path("rubbish").write_bytes(b"no database" * 100)
    done = db("check", "--db", "rubbish")
    assert done.exit_code == 1
    assert "file is not a database" in done.stdout
    assert "telemetry db restore" in done.stdout
    assert Path("rubbish").read_bytes() == b"no database" * 100


@pytest.mark.parametrize(
    "command",
    ["pragmas", "migrate --yes", "retain --older-than 1d --yes", "compact", "close-stale --yes"],
)
def test_every_command_says_what_to_do_about_a_damaged_file(db: Db, command: str) -> None:
    Path("rubbish").write_bytes(b"no database" * 100)
    done = db(*command.split(), "--db", "rubbish")
    assert done.exit_code == 1
    assert done.stderr.count("file is not a database; telemetry db restore brings") == 1
    assert Path("rubbish").read_bytes() == b"no database" * 100


def broken(sink: SqliteSink, story: Story, sql: str) -> None:
    """Store two runs and two events, and have another program spoil them."""
    sink.ship_batch(
        story.batch(
            *(
                story.run(story.a_run(event_id=name), start_time="2026-01-01T00:00:00Z")
                for name in "ab"
            ),
            *(story.event() for _ in "cd"),
        )
    )
    with closing(sqlite3.connect(sink.destination())) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.executescript(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "UPDATE agent_runs SET event_id = '' WHERE event_id = 'a'",
            "1 of 2 runs have no event id",
        ),
        ("UPDATE agent_runs SET status = 'failed'", "2 of 2 runs have a status that is none of"),
    ],
)
def test_rows_that_nobody_can_read_fail_the_check(
    db: Db, sink: SqliteSink, story: Story, sql: str, said: str
) -> None:
    broken(sink, story, sql)
    done = db("check")
    assert done.exit_code == 1
    assert said in done.stdout


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "UPDATE agent_runs SET metrics_json = '{' WHERE event_id = 'a'",
            "1 of 2 runs have text that is no JSON in metrics_json",
        ),
        (
            "UPDATE agent_runs SET end_time = 'today'",
            "2 of 2 runs have text that is no time in end_time",
        ),
        ("UPDATE run_events SET payload_json = 'x'", "2 of 2 events have text that is no JSON in"),
        (
            "UPDATE run_events SET timestamp = 'noon'",
            "2 of 2 events have text that is no time in",
        ),
        ("DROP INDEX idx_runs_run_id", "idx_runs_run_id is not there"),
    ],
)
def test_rows_that_read_badly_are_counted_and_warned_of(
    db: Db, sink: SqliteSink, story: Story, sql: str, said: str
) -> None:
    broken(sink, story, sql)
    done = db("check")
    assert done.exit_code == 0
    assert said in done.stdout


def test_an_index_that_is_gone_is_made_again_by_a_migration(
    db: Db, sink: SqliteSink, story: Story
) -> None:
    broken(sink, story, "DROP INDEX idx_runs_run_id")
    assert db("migrate", "--yes").exit_code == 0
    assert {one["level"] for one in json.loads(db("check", "--json").stdout)["findings"]} == {"ok"}


def test_an_older_schema_is_found_with_its_rows_and_what_upgrades_it(db: Db) -> None:
    with closing(sqlite3.connect("old.sqlite")) as connection:
        connection.executescript("""
            CREATE TABLE agent_runs (event_id, run_id, agent_name, job_type, start_time, status);
            INSERT INTO agent_runs VALUES ('x', 'r', 'a', 'j', '2026-01-01', 'failed');
            INSERT INTO agent_runs VALUES ('x', 'r', 'a', 'j', '2026-01-01', 'success');
        """)
    done = db("check", "--db", "old.sqlite")
    assert done.exit_code == 1
    assert "telemetry db migrate --db" in done.stdout
    assert "1 of 2 runs have a status that is none of the six" in done.stdout
    assert "1 event ids are borne by several runs" in done.stdout


def test_a_file_that_may_not_be_read_is_not_said_to_be_damaged(db: Db) -> None:
    Path("folder").mkdir()
    done = db("check", "--db", "folder")
    assert done.exit_code == 1
    assert "unable to open database file" in done.stdout
    assert "restore" not in done.stdout
