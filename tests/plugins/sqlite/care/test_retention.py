"""What is old goes, a little at a time; what is not old, or not ended, stays."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite.care.ageing import Tally, survey
from telemetry_sqlite.care.copying import verify
from telemetry_sqlite.care.pages import give_back, gives_back
from telemetry_sqlite.care.retention import sweep

from telemetry_core import parse_iso8601

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.care.conftest import Write
    from tests.plugins.sqlite.conftest import Story

    Put = Callable[..., None]

BEFORE = parse_iso8601("2026-01-10T00:00:00Z")
OLD, YOUNG = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"

SWEEPER = """
import sys
from telemetry_sqlite.care.ageing import Tally
from telemetry_sqlite.care.retention import sweep

def progress(deleted):
    print(deleted, flush=True)
    sys.stdin.read(1)

sweep(sys.argv[1], int(sys.argv[2]), Tally(), progress)
"""


@pytest.fixture
def database(sink: SqliteSink, story: Story) -> str:
    """Return a database in which nothing is old."""
    young = story.a_run(event_id="young", run_id="young", created_at=YOUNG, status="success")
    sink.ship_batch(story.batch(story.run(young)))
    return sink.destination()


@pytest.fixture
def put(database: str) -> Put:
    """Return what puts a run, or an event, into the database past everything of ours."""

    def put(name: str, time: object = OLD, status: str = "success", run_id: str = "") -> None:
        run = (name, run_id or name, time, status)
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(
                "INSERT INTO agent_runs (event_id, run_id, created_at, status, agent_name,"
                " job_type, start_time) VALUES (?, ?, ?, ?, 'a', 'j', '')",
                run,
            )

    return put


@pytest.fixture
def put_event(database: str) -> Put:
    def put_event(name: str, run_id: str | None, time: str = OLD) -> None:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(
                "INSERT INTO run_events (event_id, run_id, timestamp, event_type)"
                " VALUES (?, ?, ?, 't')",
                (name, run_id, time),
            )

    return put_event


def swept(database: str) -> Tally:
    """Sweep, and return what was deleted: the same that was announced."""
    planned, deleted = survey(database, BEFORE, lambda done, total: None), Tally()
    sweep(database, BEFORE, deleted, lambda done: None)
    assert (deleted.runs, deleted.events, deleted.loose_events) == (
        planned.runs,
        planned.events,
        planned.loose_events,
    )
    return planned


def left(database: str, table: str = "agent_runs") -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute(f"SELECT event_id FROM {table}")}


@pytest.mark.parametrize(
    ("time", "stays"),
    [
        ("2026-01-09T23:59:59Z", False),
        ("2026-01-10T00:00:00+00:00", True),
        ("2026-01-10 00:30:00+01:00", False),
        ("2026-01-09T23:30:00-01:00", True),
        ("2026-01-09 23:59:59", False),
        ("20260109T235959Z", False),
        ("20260110T000000Z", True),
    ],
)
def test_a_runs_age_is_that_of_its_moment_whatever_the_form(
    database: str, put: Put, time: str, stays: bool
) -> None:
    put("run", time)
    swept(database)
    assert ("run" in left(database)) is stays


def test_a_run_that_has_not_ended_stays_and_is_counted(database: str, put: Put) -> None:
    put("run", status="running")
    assert swept(database).running == 1
    assert "run" in left(database)


@pytest.mark.parametrize("time", ["yesterday", "", "9999-99-99"])
def test_what_has_no_time_that_can_be_read_stays_and_is_counted(
    database: str, put: Put, time: str
) -> None:
    put("run", time)
    assert swept(database).timeless == 1
    assert "run" in left(database)


def test_events_go_with_their_run_however_young_they_are(
    database: str, put: Put, put_event: Put
) -> None:
    put("run")
    put_event("of run", "run", YOUNG)
    put_event("of young", "young")
    assert swept(database).events == 1
    assert left(database, "run_events") == {"of young"}


def test_events_of_several_runs_go_with_the_last_of_them(
    database: str, put: Put, put_event: Put
) -> None:
    put("first", run_id="shared")
    put("second", YOUNG, run_id="shared")
    put_event("e", "shared")
    assert swept(database).events == 0
    assert left(database) == {"young", "second"}
    assert left(database, "run_events") == {"e"}


def test_events_of_several_old_runs_are_counted_once(
    database: str, put: Put, put_event: Put
) -> None:
    for name in ("first", "second"):
        put(name, run_id="shared")
    put_event("e", "shared")
    tally = swept(database)
    assert (tally.runs.total(), tally.events) == (2, 1)
    assert left(database, "run_events") == set()


def test_events_of_no_run_go_by_their_own_time(database: str, put_event: Put) -> None:
    put_event("old", None)
    put_event("old of a run that is gone", "gone")
    put_event("young", None, YOUNG)
    assert swept(database).loose_events == 2
    assert left(database, "run_events") == {"young"}


def test_a_run_with_more_events_than_fit_into_one_piece_goes_as_a_whole(
    database: str, put: Put, sink: SqliteSink, story: Story
) -> None:
    put("run")
    sink.ship_batch(story.batch(*(story.event(run_id="run") for _ in range(2500))))
    assert swept(database).events == 2500
    assert left(database, "run_events") == set()


def test_a_sweep_that_is_killed_leaves_a_sound_file_and_the_next_one_goes_on(
    database: str, put: Put, sink: SqliteSink, story: Story
) -> None:
    runs = [
        story.a_run(event_id=f"o{n}", run_id=f"o{n}", created_at=OLD, status="success")
        for n in range(900)
    ]
    sink.ship_batch(story.batch(*map(story.run, runs)))
    with subprocess.Popen(
        [sys.executable, "-c", SWEEPER, database, str(BEFORE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        first = int(process.stdout.readline())
        sink.ship_batch(story.batch(story.event("meanwhile", run_id="young")))
        process.kill()

    assert verify(database) == []
    assert len(left(database)) == 901 - first
    assert swept(database).runs.total() == 900 - first
    assert left(database) == {"young"}
    assert left(database, "run_events") == {"meanwhile"}


def test_whatever_is_written_meanwhile_is_there(
    database: str, sink: SqliteSink, story: Story, write: Write
) -> None:
    runs = (story.a_run(event_id=f"o{n}", run_id=f"o{n}", status="success") for n in range(900))
    sink.ship_batch(story.batch(*map(story.run, runs)))
    writer = write(database, "w")
    receipted = {writer.said()}

    deleted = Tally()
    sweep(database, BEFORE, deleted, lambda done: None)
    give_back(database, lambda done, total: None)

    receipted |= {writer.said() for _ in range(10)} | writer.stop()
    assert deleted.runs.total() == 900
    assert receipted <= left(database, "run_events")


def test_the_room_goes_back_to_the_disk(database: str, sink: SqliteSink, story: Story) -> None:
    large = {"x": "y" * 5000}
    sink.ship_batch(
        story.batch(*(story.event(run_id=None, payload=large, time_ns=0) for _ in range(300)))
    )
    before = os.path.getsize(database)
    swept(database)
    assert gives_back(database)
    told: list[tuple[int, int]] = []
    assert give_back(database, lambda done, total: told.append((done, total))) > 1_000_000
    assert os.path.getsize(database) < before - 1_000_000
    assert told[-1][0] == told[-1][1]
    assert verify(database) == []


def test_a_damaged_file_is_not_begun_anew(database: str) -> None:
    Path(database).write_bytes(b"no database" * 500)
    with pytest.raises(Exception, match="not a database"):
        sweep(database, BEFORE, Tally(), lambda done: None)
    assert Path(database).read_bytes() == b"no database" * 500
