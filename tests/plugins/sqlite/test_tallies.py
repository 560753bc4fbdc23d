"""The database's own tallies, whoever writes, and files that an earlier release made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import Database, RunQueries, SqliteSink, schema, tallies
from telemetry_sqlite.care import migrating
from telemetry_sqlite.care.inspection import inspect

from tests.plugins.sqlite.conftest import NOON, SECOND
from tests.plugins.sqlite.processes import python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from sqlite3 import Connection

    from tests.plugins.sqlite.conftest import Story

NAMED = "(event_id, run_id, start_time, created_at, agent_name, job_type)"
ROW = "('{}', 'r', 's', '2026-01-01 11:30:00', '{}', '{}')"
UPSERT = (
    f"INSERT INTO agent_runs {NAMED} VALUES {ROW.format('0', 'z', 'z')}"
    " ON CONFLICT (event_id) DO UPDATE SET agent_name = excluded.agent_name"
)
TWICE = f"{ROW.format('0', 'a', 'j')}, {ROW.format('0', 'q', 'q')}"
BY_NUMBER = (
    "REPLACE INTO agent_runs (id, event_id, run_id, start_time, agent_name, job_type)"
    " VALUES (2, 'new', 'r', 's', 'z', 'z')"
)
ANOTHER = f"INSERT INTO agent_runs {NAMED} VALUES {ROW.format('8', 'a', 'j')}"
DAY = 86_400 * SECOND


def by_hand(connection: Connection) -> list[Any]:
    """Return the tallies as they should be."""
    return [
        (kind, name, runs)
        for kind, column in (("agent", "agent_name"), ("job", "job_type"), ("minute", MINUTE))
        for name, runs in connection.execute(
            f"SELECT {column}, count(*) FROM agent_runs GROUP BY 1 ORDER BY 1"
        )
    ]


MINUTE = "substr(created_at, 1, 16)"


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[Connection]:
    """Return the connection of another program to a database of ours with three runs."""
    path = tmp_path / "runs.sqlite"
    database = Database(str(path))
    database.write(lambda _: None)
    database.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for number, agent in enumerate("aab"):
            connection.execute(
                f"INSERT INTO agent_runs {NAMED} VALUES {ROW.format(number, agent, 'j')}"
            )
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "DELETE FROM agent_runs WHERE event_id = '0'",
        "DELETE FROM agent_runs",
        "UPDATE agent_runs SET agent_name = 'c' WHERE event_id = '0'",
        "UPDATE agent_runs SET job_type = event_id, created_at = '2026-01-02T00:00:00Z'",
        "UPDATE agent_runs SET job_type = 'other' WHERE event_id = '0'",
        "UPDATE agent_runs SET created_at = '2026-01-02T00:00:00Z' WHERE event_id = '0'",
        "UPDATE agent_runs SET status = 'success', agent_name = agent_name",
        f"INSERT OR IGNORE INTO agent_runs {NAMED} VALUES {ROW.format('0', 'z', 'z')}",
        f"INSERT OR IGNORE INTO agent_runs {NAMED} VALUES {ROW.format('9', 'a', 'j')}",
        f"INSERT OR FAIL INTO agent_runs {NAMED} VALUES {ROW.format('9', 'a', 'z')}",
        f"INSERT OR REPLACE INTO agent_runs {NAMED} VALUES {ROW.format('9', 'a', 'j')}",
        f"INSERT OR REPLACE INTO agent_runs {NAMED} VALUES {ROW.format('0', 'z', 'z')}",
        f"REPLACE INTO agent_runs {NAMED} VALUES {TWICE}, {ROW.format('1', 'q', 'q')}",
        BY_NUMBER,
        f"{UPSERT}; DELETE FROM agent_runs WHERE event_id = '0'; {ANOTHER}",
        f"{UPSERT}; {ANOTHER}",
        f"INSERT INTO agent_runs {NAMED} SELECT run_id, 'r', 's', 'odd', 'd', 'e' FROM agent_runs LIMIT 1",
    ],
)
def test_whatever_another_program_does_the_tallies_are_right(raw: Connection, sql: str) -> None:
    raw.executescript(sql)
    kept = raw.execute("SELECT kind, name, runs FROM run_tallies ORDER BY kind, name").fetchall()
    assert kept == by_hand(raw)


def test_what_fails_or_is_rolled_back_counts_for_nothing(raw: Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(f"INSERT INTO agent_runs {NAMED} VALUES {ROW.format('0', 'z', 'z')}")
    raw.execute("BEGIN")
    raw.execute("DELETE FROM agent_runs")
    raw.execute("ROLLBACK")
    kept = raw.execute("SELECT kind, name, runs FROM run_tallies ORDER BY kind, name").fetchall()
    assert kept == by_hand(raw)


def test_the_figures_of_the_moment_are_read_from_them(raw: Connection, tmp_path: Path) -> None:
    queries = RunQueries(str(tmp_path / "runs.sqlite"))
    assert queries.totals(NOON) == tallies.Totals(3, {"a": 2, "b": 1}, 3)
    assert [*queries.totals(NOON).agents] == ["a", "b"]
    assert queries.names() == tallies.Names(["a", "b"], ["j"])
    reads: list[str] = []
    raw.set_trace_callback(reads.append)
    tallies.totals(raw, NOON)
    tables = [sql for sql in reads if "FROM agent_runs" in sql]
    assert ["created_at >= " in sql and "created_at < " in sql for sql in tables] == [True]


@pytest.mark.parametrize(("seconds", "recent"), [(-1, 1), (0, 1), (1, 0)])
def test_what_was_created_a_day_ago_is_recent_to_the_second(
    sink: SqliteSink, story: Story, queries: RunQueries, seconds: int, recent: int
) -> None:
    sink.ship_batch(story.batch(story.run(start_time="2026-01-01T12:00:30Z")))
    assert queries.totals(NOON + DAY + (30 + seconds) * SECOND).recent_24h == recent


@pytest.fixture
def earlier(sink: SqliteSink, story: Story) -> str:
    """Return a database as the release before this one made it, with a run."""
    sink.ship_batch(story.batch(story.run(), story.event()))
    sink.close()
    with closing(sqlite3.connect(sink.destination())) as connection:
        connection.executescript("""
            DROP TRIGGER run_tallies_note; DROP TRIGGER run_tallies_replace;
            DROP TABLE run_tallies_noted; DROP TRIGGER run_tallies_insert; DROP TRIGGER run_tallies_delete;
            DROP TRIGGER run_tallies_update; DROP TABLE run_tallies;
            DROP INDEX idx_runs_agent_job_type_status_created; DROP INDEX idx_runs_apart;
            DROP INDEX idx_runs_run_id; DROP INDEX idx_runs_start;
            CREATE INDEX idx_runs_run_id ON agent_runs (run_id);
            CREATE INDEX idx_runs_start ON agent_runs (start_time DESC);
        """)
    return sink.destination()


def differences(path: str) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return schema.differences(connection)


def test_an_earlier_file_is_read_as_it_is(earlier: str) -> None:
    before = differences(earlier)
    queries = RunQueries(earlier)
    assert queries.totals(NOON) == tallies.Totals(1, {"crawler": 1}, 1)
    assert queries.names() == tallies.Names(["crawler"], ["nightly"])
    assert len(queries.list_rows().rows) == 1
    assert differences(earlier) == before != []


def test_its_next_writer_completes_it(earlier: str, story: Story) -> None:
    sink = SqliteSink(db_path=earlier)
    sink.ship_batch(story.batch(story.run(story.a_run(event_id="e2", agent_name="other"))))
    sink.close()
    assert differences(earlier) == []
    assert RunQueries(earlier).totals(NOON).agents == {"crawler": 1, "other": 1}


def test_an_index_that_has_more_columns_than_ours_is_made_anew(earlier: str) -> None:
    shape = "SELECT sql FROM sqlite_master WHERE name = 'idx_runs_start'"
    with closing(sqlite3.connect(earlier)) as connection:
        before = connection.execute(shape).fetchall()
        connection.executescript("""
            DROP INDEX idx_runs_start;
            CREATE INDEX idx_runs_start ON agent_runs (start_time DESC, created_at DESC, status);
        """)
        assert "idx_runs_start is of another shape" in schema.differences(connection)
        Database(earlier).write(lambda _: None)
        assert connection.execute(shape).fetchall() == before
    assert differences(earlier) == []


def test_triggers_alone_that_are_gone_have_all_counted_anew(earlier: str, story: Story) -> None:
    Database(earlier).write(lambda _: None)
    with closing(sqlite3.connect(earlier)) as connection:
        connection.execute("DROP TRIGGER run_tallies_delete")
        connection.execute("DELETE FROM agent_runs")
        connection.commit()
    assert RunQueries(earlier).totals(NOON).total_runs == 0
    Database(earlier).write(lambda _: None)
    assert RunQueries(earlier).totals(NOON).total_runs == 0
    assert differences(earlier) == []


def test_a_program_that_has_the_earlier_file_open_goes_on(earlier: str, story: Story) -> None:
    with closing(sqlite3.connect(earlier, isolation_level=None)) as other:
        insert = f"INSERT INTO agent_runs {NAMED} VALUES (?, 'r', 's', 'c', 'theirs', 'j')"
        other.execute(insert, ("before",))
        other.execute("SELECT * FROM agent_runs WHERE run_id = 'r'").fetchall()
        SqliteSink(db_path=earlier).ship_batch(story.batch(story.event()))
        other.execute(insert, ("after",))
        assert len(other.execute("SELECT * FROM agent_runs WHERE run_id = 'r'").fetchall()) == 2
    assert RunQueries(earlier).totals(NOON).agents == {"theirs": 2, "crawler": 1}


COMPLETE = """
import sys
from telemetry_sqlite import Database
Database(sys.argv[1]).write(lambda connection: None)
"""


def test_two_processes_complete_it_at_once(earlier: str) -> None:
    processes = [python(COMPLETE, earlier) for _ in range(3)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert differences(earlier) == []
    assert RunQueries(earlier).totals(NOON).total_runs == 1


def test_tallies_that_are_wrong_are_found_and_counted_anew(earlier: str) -> None:
    Database(earlier).write(lambda opened: opened.execute("UPDATE run_tallies SET runs = 9"))
    assert RunQueries(earlier).totals(NOON).total_runs == 9
    found = inspect(earlier, full=False, progress=lambda done, total: None)
    assert [one.remedy for one in found if one.name == "tallies"] == [
        "telemetry db migrate counts them anew"
    ]
    assert migrating.needed(earlier, wait=5)
    migrating.migrate(earlier, wait=5, progress=lambda done, total: None)
    assert RunQueries(earlier).totals(NOON).total_runs == 1
    assert not migrating.needed(earlier, wait=5)


def test_a_migration_of_an_earlier_file_of_ours_carries_no_row_over(earlier: str) -> None:
    number = "SELECT rootpage FROM sqlite_master WHERE name = 'agent_runs'"
    with closing(sqlite3.connect(earlier)) as connection:
        before = connection.execute(number).fetchall()
        migrating.migrate(earlier, wait=5, progress=lambda done, total: None)
        assert connection.execute(number).fetchall() == before
    assert differences(earlier) == []
    assert RunQueries(earlier).totals(NOON).total_runs == 1
