"""Several real processes on one database."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from telemetry_sqlite import SqliteSink, database
from telemetry_sqlite.turn import Turn

from tests.plugins.sqlite.processes import outcome_in_child, python

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugins.sqlite.conftest import Story

    Ask = Callable[[str], list[Any]]

WRITER = """
import sys
from telemetry_core.models import RunEvent, RunRecord
from telemetry_core.records import Batch, Kind, Lane, Record
from telemetry_sqlite import SqliteSink, database

path, name = sys.argv[1:]
sink = SqliteSink(db_path=path)
for number in range(20):
    run = RunRecord("run", name, "job", event_id=f"shared-{number}", revision=int(name))
    records = [Record(f"{name}-{number}", Kind.START_RUN, 0, 0, Lane.CRITICAL, run)]
    for count in range(50):
        event = RunEvent(f"{name}-{number}-{count}", "tick", 0)
        records.append(Record(event.event_id, Kind.EVENT, 0, 0, Lane.STANDARD, event))
    assert len(sink.ship_batch(Batch(tuple(records))).delivered) == 51
"""

STUCK = """
import sys, time
from telemetry_sqlite.database import Database

def work(connection):
    connection.execute("PRAGMA cache_size = 1")  # so that pages reach the file before the commit
    connection.executemany(
        "INSERT INTO run_events (event_id, event_type, timestamp, payload_json) VALUES (?, 't', '', ?)",
        ((f"torn-{n}", "x" * 4000) for n in range(200)),
    )
    print("in the middle", flush=True)
    sys.stdin.read()

Database(sys.argv[1]).write(work)
"""


def test_four_processes_that_begin_at_once_store_everything_once(
    sink: SqliteSink, rows: Ask
) -> None:
    processes = [python(WRITER, sink.destination(), name) for name in range(4)]

    for process in processes:
        process.communicate()

    assert [process.returncode for process in processes] == [0] * 4
    assert rows("SELECT count(*), count(DISTINCT event_id) FROM run_events") == [(4000, 4000)]
    assert rows("SELECT count(*), min(agent_name), min(revision) FROM agent_runs") == [(20, "3", 3)]
    assert rows("PRAGMA integrity_check") == [("ok",)]


def test_a_writer_killed_in_the_middle_leaves_nothing_of_its_batch_and_frees_its_turn(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    sink.ship_batch(story.batch(story.event("before")))
    with python(STUCK, sink.destination()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        assert os.path.exists(f"{sink.destination()}-journal")
        process.send_signal(signal.SIGKILL)
        process.wait()

    sink.ship_batch(story.batch(story.event("after")))

    assert rows("SELECT event_id FROM run_events ORDER BY id") == [("before",), ("after",)]
    assert rows("PRAGMA integrity_check") == [("ok",)]


def test_a_reader_sees_past_the_journal_of_a_killed_writer(sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.event("before"), story.run()))
    with python(STUCK, sink.destination()) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()

    assert [row["run_id"] for row in sink.runs_store().list_runs().rows] == ["run-1"]


def test_a_forked_child_writes_through_a_sink_of_its_own_beside_its_parent(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    sink.ship_batch(story.batch(story.event("parent-1")))
    child = os.fork()
    if child == 0:
        SqliteSink(db_path=sink.db_path, base_dir=sink.base_dir).ship_batch(
            story.batch(story.event("child"))
        )
        os._exit(0)
    sink.ship_batch(story.batch(story.event("parent-2")))
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert sorted(rows("SELECT event_id FROM run_events")) == [
        ("child",),
        ("parent-1",),
        ("parent-2",),
    ]


def test_a_child_forked_within_a_turn_does_not_keep_it(tmp_path: Path) -> None:
    database = f"{tmp_path}/db"
    read, write = os.pipe()
    with Turn(database):
        child = os.fork()
        if child == 0:
            os.close(write)
            os.read(read, 1)  # lives on until the parent closes its end
            os._exit(0)
    os.close(read)

    with Turn(database):
        os.close(write)

    assert os.waitpid(child, 0)[1] == 0


def test_who_reads_is_not_locked_out_while_much_is_being_written(tmp_path: Path) -> None:
    path = str(tmp_path / "runs.sqlite")
    rows = [(f"run-{number}", "x" * 10_000) for number in range(2000)]

    def write_and_look(connection: sqlite3.Connection) -> int:
        columns = "run_id, event_type, timestamp, payload_json"
        connection.executemany(f"INSERT INTO run_events ({columns}) VALUES (?, '', '', ?)", rows)
        with database.reading(path, patience=0) as reader:
            assert reader is not None
            return int(reader.execute("SELECT count(*) FROM run_events").fetchone()[0])

    assert database.Database(path).write(write_and_look) == 0


def test_a_child_forked_in_the_middle_of_work_keeps_away_from_the_database(tmp_path: Path) -> None:
    path = str(tmp_path / "runs.sqlite")

    def in_child() -> None:
        database.Database(path).write(lambda _: None, 0.0)

    parent = database.Database(path)
    told = parent.write(lambda _: outcome_in_child(in_child, prepare=lambda: None))
    assert "was being worked on when this process was forked" in told
    parent.write(lambda _: None)
    parent.close()
