"""`telemetry db close-stale`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import RunQueries, SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]

OLD = "2026-01-01T12:00:00Z"


@pytest.fixture(autouse=True)
def _left_running(sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.run(updated_at=OLD)))


def test_it_shows_them_and_ends_them(db: Db, queries: RunQueries) -> None:
    done = db("close-stale", "--older-than", "2026-01-02", "--yes")
    assert done.exit_code == 0
    assert "run-1" in done.stdout
    assert "Ended 1 run as cancelled." in done.stdout
    assert queries.list_runs().rows[0]["status"] == "cancelled"


def test_a_dry_run_changes_nothing_and_asks_nothing(db: Db, queries: RunQueries) -> None:
    done = db("close-stale", "--older-than", "2026-01-02", "--dry-run", "--json")
    assert [run["run_id"] for run in json.loads(done.stdout)["runs"]] == ["run-1"]
    assert queries.list_runs().rows[0]["status"] == "running"


def test_of_many_it_shows_the_first_and_says_how_many_more(
    db: Db, sink: SqliteSink, story: Story
) -> None:
    more = (story.run(story.a_run(event_id=f"e-{number}"), updated_at=OLD) for number in range(24))
    sink.ship_batch(story.batch(*more))
    done = db("close-stale", "--older-than", "2026-01-02", "--dry-run")
    assert done.stdout.count("run-") == 20
    assert "… and 5 more" in done.stdout


def test_where_nobody_can_be_asked_it_does_nothing_without_yes(db: Db, queries: RunQueries) -> None:
    done = db("close-stale", "--older-than", "2026-01-02")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert queries.list_runs().rows[0]["status"] == "running"


def test_where_no_run_is_stale_it_says_so(db: Db) -> None:
    done = db("close-stale", "--older-than", "2025-12-31")
    assert done.exit_code == 0
    assert "No run is still running of which nothing was heard since 2025-12-31" in done.stdout


def test_an_age_that_is_none_is_a_misuse(db: Db) -> None:
    assert db("close-stale", "--older-than", "long", "--yes").exit_code == 2
