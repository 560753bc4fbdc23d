"""The store counts runs, follows what is new, and reads no more of the table than it has to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import RunFilter, RunQueries, SqliteSink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugins.sqlite.conftest import Story

    Tell = Callable[..., None]

WINDOW = RunFilter(start_time_from="2026-01-01T12:00:00Z", start_time_to="2026-01-01T13:00:00Z")


@pytest.fixture
def tell(sink: SqliteSink, story: Story) -> Tell:
    """Store a run, or change it."""

    def tell(name: str, **fields: Any) -> None:
        run = story.a_run(run_id=name, event_id=f"uuid-{name}", **fields)
        assert sink.ship_batch(story.batch(story.run(run))).rejected == {}

    return tell


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["run_id"] for row in rows]


def ended(milliseconds: int, **fields: Any) -> dict[str, Any]:
    end = "2026-01-01T12:30:00Z"
    return {"status": "success", "end_time": end, "duration_ms": milliseconds, **fields}


def test_percentiles_are_durations_that_were_measured(tell: Tell, queries: RunQueries) -> None:
    for number in range(1, 21):
        tell(f"{number}", **ended(number * 100))
    (job,) = queries.figures()["by_job"]
    assert (job["p50_ms"], job["p95_ms"]) == (1000, 1900)


def test_runs_whose_end_nobody_said_have_no_duration(tell: Tell, queries: RunQueries) -> None:
    tell("1", **ended(9, inferred=True))
    figures = queries.figures()
    assert figures["success_rate"] == 1.0
    assert figures["by_job"][0]["p95_ms"] is None


def test_where_no_database_has_been_begun_figures_are_naught(tmp_path: Path) -> None:
    queries = RunQueries(str(tmp_path / "none.sqlite"))
    assert queries.figures()["runs"] == 0
    assert queries.job_types() == {}
    assert queries.ids_beginning("") == []
    assert queries.follow().latest(5) == []


def test_jobs_and_agents_are_counted_the_most_frequent_first(
    tell: Tell, queries: RunQueries
) -> None:
    for number, job in enumerate(["import", "export", "export"]):
        tell(f"{number}", job_type=job, agent_name="one")
    assert list(queries.job_types().items()) == [("export", 2), ("import", 1)]
    assert queries.agent_names() == {"one": 3}


def test_a_window_of_start_times_is_listed_by_start_time(tell: Tell, queries: RunQueries) -> None:
    tell("late", start_time="2026-01-01T12:40:00Z", created_at="2025-01-01T00:00:00Z")
    tell("early", start_time="2026-01-01T12:20:00Z")
    assert names(queries.list_runs(WINDOW, by="start_time").rows) == ["late", "early"]
    with pytest.raises(ValueError, match="created_at, start_time"):
        queries.list_runs(by="id; DROP TABLE agent_runs")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM agent_runs WHERE start_time >= '2026' ORDER BY start_time DESC, id",
        "SELECT * FROM agent_runs WHERE start_time <= '2026' ORDER BY start_time DESC, id",
        "SELECT id, status FROM agent_runs WHERE id > 5 ORDER BY id",
        "SELECT * FROM agent_runs WHERE id IN (SELECT value FROM json_each('[1, 2]'))",
        "SELECT id FROM agent_runs WHERE status = 'running' ORDER BY created_at DESC",
        "SELECT max(id) FROM run_events",
    ],
)
def test_windows_and_positions_are_found_by_an_index(
    tell: Tell, sink: SqliteSink, sql: str
) -> None:
    tell("1")
    with closing(sqlite3.connect(sink.destination())) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    sorts = [step for step in plan if "TEMP B-TREE" in step]
    assert all("LAST TERM" in step or "RIGHT PART" in step for step in sorts)  # within a moment
    assert any(step.startswith("SEARCH") for step in plan)


def test_a_follower_gives_what_is_new_and_what_changed_once(
    tell: Tell, queries: RunQueries
) -> None:
    tell("open")
    tell("before", **ended(1))
    follower = queries.follow()
    tell("new")
    tell("open", **ended(1, revision=1))
    assert sorted(names(follower.runs())) == ["new", "open"]
    assert follower.runs() == []
    tell("new", **ended(1, revision=1))
    assert names(follower.runs()) == ["new"]


def test_a_follower_gives_what_arrives_late(tell: Tell, queries: RunQueries) -> None:
    tell("now", start_time="2026-01-02T00:00:00Z")
    follower = queries.follow()
    tell("long ago", start_time="2025-01-01T00:00:00Z")
    assert names(follower.runs()) == ["long ago"]


def test_a_follower_leaves_out_what_the_filter_does(
    sink: SqliteSink, tell: Tell, queries: RunQueries, story: Story
) -> None:
    follower = queries.follow(RunFilter(job_type="wanted"))
    tell("1", job_type="wanted")
    tell("2")
    sink.ship_batch(story.batch(*(story.event(run_id=name) for name in ("1", "2", None))))
    assert names(follower.runs()) == ["1"]
    assert names(follower.events()) == ["1"]
    assert follower.events() == []


def test_a_follower_goes_on_with_another_file_in_the_place_of_its_own(
    sink: SqliteSink, tell: Tell, queries: RunQueries, tmp_path: Path
) -> None:
    for number in range(3):
        tell(f"{number}")
    follower = queries.follow()
    (tmp_path / "db" / "telemetry.sqlite").unlink()
    assert follower.runs() == []
    tell("restored")
    assert follower.runs() == []
    tell("after")
    assert names(follower.runs()) == ["after"]
