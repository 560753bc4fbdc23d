"""Runs that were left running, and their inferred end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import DatabaseUnusableError, RunQueries, close_stale_runs
from telemetry_sqlite.care.stale import _end, stale_runs

from tests.plugins.sqlite.care.ndjson import locked

if TYPE_CHECKING:
    from telemetry_sqlite import SqliteSink

    from telemetry_core import RunRecord
    from tests.plugins.sqlite.conftest import Story

LATER = "2026-01-01T14:00:00Z"
START = "2026-01-01T12:00:00.000000+00:00"


def left(story: Story, **fields: Any) -> RunRecord:
    """Return a run of which nothing was heard since noon."""
    return story.a_run(**{"updated_at": START, **fields})


@pytest.fixture
def path(sink: SqliteSink, story: Story) -> str:
    sink.ship_batch(story.batch(story.run(left(story))))
    return sink.destination()


def test_a_run_left_running_is_cancelled_when_it_was_last_heard_of(
    path: str, sink: SqliteSink, story: Story, queries: RunQueries
) -> None:
    sink.ship_batch(story.batch(event := story.event()))

    assert [row["run_id"] for row in close_stale_runs(path, LATER)] == ["run-1"]

    run = queries.get_run("run-1")
    assert run is not None
    assert (run.status, run.inferred) == ("cancelled", True)
    assert run.end_time == event.body.timestamp  # type: ignore[union-attr]
    assert "Nobody ended this run" in (run.error_summary or "")


def test_an_explicit_end_that_arrives_later_wins_with_all_it_says(
    path: str, sink: SqliteSink, story: Story, queries: RunQueries
) -> None:
    close_stale_runs(path, LATER)
    end = left(story, status="success", end_time="2026-01-01T15:00:00Z", duration_ms=10_800_000)
    sink.ship_batch(story.batch(story.run(end)))

    run = queries.get_run("run-1")

    assert run is not None
    assert (run.status, run.inferred, run.duration_ms) == ("success", False, 10_800_000)
    assert (run.error_summary, run.error_details) == (None, None)


def test_an_ended_run_and_one_of_another_agent_stay(
    path: str, sink: SqliteSink, story: Story
) -> None:
    other = left(story, event_id="uuid-2", run_id="run-2", agent_name="other")
    ended = left(story, event_id="uuid-3", run_id="run-3", status="failure")
    sink.ship_batch(story.batch(story.run(other), story.run(ended)))
    closed = close_stale_runs(path, LATER, agent_name="other", status="timeout")
    assert [row["run_id"] for row in closed] == ["run-2"]
    assert [row["run_id"] for row in stale_runs(path, LATER)] == ["run-1"]


@pytest.mark.parametrize("sign", ["event", "update", "start"])
def test_a_run_that_gave_a_sign_of_life_since_is_not_stale(
    path: str, sink: SqliteSink, story: Story, sign: str
) -> None:
    late = "2026-01-01T15:00:00Z"
    fields = {"update": {"updated_at": late}, "start": {"start_time": late}}.get(sign, {})
    sink.ship_batch(story.batch(story.run(left(story, revision=1, **fields))))
    if sign == "event":
        sink.ship_batch(story.batch(story.event(time_ns=1_767_279_600_000_000_000)))
    assert close_stale_runs(path, LATER) == []


def test_times_of_many_forms_are_compared_as_moments(path: str) -> None:
    forms = ("2026-01-01 12:00:00", "2026-01-01T17:00:00+05:00", "2026-01-01T12:00:00Z")
    for form in forms:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE agent_runs SET start_time = ?, updated_at = ?", [form] * 2)
        assert [row["last_heard"] for row in stale_runs(path, LATER)] == [START]
        assert list(stale_runs(path, "2026-01-01T12:00:00Z")) == []


def test_a_run_whose_times_nobody_can_read_stays(path: str, sink: SqliteSink) -> None:
    sink._opened().write(
        lambda connection: connection.execute(
            "UPDATE agent_runs SET start_time = 'yesterday', updated_at = NULL"
        )
    )
    assert close_stale_runs(path, LATER) == []


def test_a_run_of_which_only_the_start_cannot_be_read_took_no_time(
    path: str, sink: SqliteSink, queries: RunQueries
) -> None:
    sink._opened().write(
        lambda connection: connection.execute("UPDATE agent_runs SET start_time = 'yesterday'")
    )
    close_stale_runs(path, LATER)
    run = queries.get_run("run-1")
    assert run is not None
    assert (run.end_time, run.duration_ms) == (START, 0)


def test_many_are_closed_in_several_batches(path: str, sink: SqliteSink, story: Story) -> None:
    names = [f"x-{number}" for number in range(450)]
    runs = [story.run(left(story, event_id=name, run_id=name)) for name in names]
    sink.ship_batch(story.batch(*runs))
    assert len(close_stale_runs(path, LATER)) == 451
    assert list(stale_runs(path, LATER)) == []


def test_a_run_that_somebody_ends_meanwhile_keeps_that_end(
    path: str, sink: SqliteSink, story: Story, queries: RunQueries
) -> None:
    found = list(stale_runs(path, LATER))
    sink.ship_batch(story.batch(story.run(left(story, status="success", end_time=START))))
    sink._opened().write(partial(_end, rows=found, status="cancelled"))
    kept = queries.get_run("run-1")
    assert kept is not None
    assert (kept.status, kept.inferred) == ("success", False)


def test_a_locked_database_is_said_to_be_so(path: str) -> None:
    with locked(path), pytest.raises(DatabaseUnusableError, match="keeps it locked"):
        close_stale_runs(path, LATER, wait=0)
