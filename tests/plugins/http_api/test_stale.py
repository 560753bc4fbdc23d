"""Runs that were left running are ended over HTTP, and an end of their own still wins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_http_api import cleanup_on_startup, cleanup_stale_runs

from tests.core.cli.terminal import typed
from tests.plugins.http_api.conftest import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import FakeClock, RunsServer, Story

    from telemetry_core import Record
    from tests.plugins.http_api.conftest import Ship


@pytest.fixture
def left(told: Ship, story: Story, clock: FakeClock) -> tuple[Record, Record]:
    """Return the start and the end of a run that has been running for two hours; one has ended."""
    stale, done, other = story.run(), story.run(), story.run(agent_name="other")
    told(stale[0], *done, other[0])
    clock.advance(7200)
    told(story.run(created_at="2026-01-01T13:59:00+00:00")[0])
    return stale


def cleaned(server: RunsServer, clock: FakeClock, **settings: Any) -> dict[str, Any]:
    return cleanup_stale_runs(server.url, "crawler", clock=clock, **settings)


def test_what_is_stale_is_ended_and_nothing_else(
    either: RunsServer, left: tuple[Record, Record], clock: FakeClock
) -> None:
    event_id = left[0].body.event_id
    result = cleaned(either, clock)
    assert (result["found"], result["cleaned"], result["failed"], result["errors"]) == (1, 1, 0, [])
    assert [row["event_id"] for row in result["stale_runs"]] == [event_id]
    row = either.run(event_id)
    assert (row["status"], row["end_time"][:16]) == ("cancelled", "2026-01-01T14:00")
    assert "Stale" in row["error_summary"]
    assert sum(row["status"] == "running" for row in either.runs.values()) == 2
    assert cleaned(either, clock)["found"] == 0


def test_the_end_that_the_program_says_after_all_is_the_one_that_stays(
    either: RunsServer, left: tuple[Record, Record], clock: FakeClock, told: Ship
) -> None:
    cleaned(either, clock, cleanup_status="failed")
    assert either.run(left[0].body.event_id)["status"] == "failure"
    told(left[1])
    assert either.run(left[0].body.event_id)["status"] == "success"


def test_other_statuses_can_be_replaced(
    either: RunsServer, left: tuple[Record, Record], clock: FakeClock
) -> None:
    result = cleaned(either, clock, status_to_check="success", cleanup_status="partial")
    assert (result["found"], result["cleaned"]) == (1, 1)
    assert [row["status"] for row in either.runs.values()].count("partial") == 1


def test_a_token_is_sent(either: RunsServer, left: tuple[Record, Record], clock: FakeClock) -> None:
    either.tokens.add(TOKEN)
    assert "check the key or token" in cleaned(either, clock)["errors"][0]
    assert cleaned(either, clock, auth_token=TOKEN)["cleaned"] == 1


def test_a_service_that_is_down_is_an_error_and_no_exception(
    either: RunsServer, clock: FakeClock
) -> None:
    either.down()
    result = cleaned(either, clock)
    assert (result["found"], len(result["errors"])) == (0, 1)
    assert not cleanup_on_startup(either.url, "crawler")


def test_a_start_cleans_up_for_its_agent(either: RunsServer, left: tuple[Record, Record]) -> None:
    assert cleanup_on_startup(either.url, "crawler")
    assert either.run(left[0].body.event_id)["status"] == "cancelled"
    assert not cleanup_on_startup(either.url)


def close_stale(tmp_path: Path, *words: str) -> Any:
    environ = {"TELEMETRY_BASE_DIR": str(tmp_path / "base")}
    return typed(["runs", "close-stale", *words], environ, tmp_path)


def test_the_command_shows_what_it_would_end_and_ends_it(
    either: RunsServer, left: tuple[Record, Record], tmp_path: Path
) -> None:
    words = ("--url", either.url, "--agent", "crawler", "--older-than", "2026-01-01T13:00:00Z")
    shown = close_stale(tmp_path, *words, "--dry-run").stdout.decode()
    assert left[0].body.run_id in shown
    assert "Nothing was changed" in shown
    told = json.loads(close_stale(tmp_path, *words, "--yes", "--json").stdout)
    assert (told["ok"], told["cleaned"], len(told["runs"])) == (True, 1, 1)
    assert either.run(left[0].body.event_id)["status"] == "cancelled"
    assert "No run is still running" in close_stale(tmp_path, *words).stdout.decode()


def test_the_command_asks_before_it_ends_anything(
    server: RunsServer, tmp_path: Path, ship: Ship, story: Story
) -> None:
    ship(story.run()[0])
    done = close_stale(tmp_path, "--url", server.url)
    assert (done.returncode, b"--yes" in done.stderr) == (2, True)
