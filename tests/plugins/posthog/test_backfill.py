"""What the runs database holds reaches PostHog, and however often it is sent, only once."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from telemetry_core import TelemetryClient, load_config
from telemetry_core.cli.app import telemetry
from tests.core.cli.terminal import settle_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result
    from pytest_telemetry import PostHogServer

KEY = "phc_hunter2"
Typed = Any


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: PostHogServer) -> None:
    """Keep the command away from the settings and the records of whoever runs the tests."""
    settle_in(tmp_path, monkeypatch)
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite,posthog")
    monkeypatch.setenv("TELEMETRY_TEST_MODE", "live")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("POSTHOG_API_KEY", KEY)
    monkeypatch.setenv("POSTHOG_HOST", server.url)


@pytest.fixture
def backfill() -> Callable[..., Result]:
    return lambda *args: CliRunner().invoke(telemetry, ["posthog", "backfill", *args])


def record(runs: int, active: str = "sqlite") -> None:
    """Record runs of an event each."""
    config = load_config(environ={**os.environ, "TELEMETRY_ACTIVE": active})
    with TelemetryClient(config) as client:
        for number in range(runs):
            with client.track_run("crawler", "nightly") as run:
                run.log_event("page_fetched", {"page": number})
        assert client.flush(30)


def test_runs_and_their_events_are_sent_as_a_backfill(
    backfill: Typed, server: PostHogServer
) -> None:
    record(3)
    done = backfill()
    assert (done.exit_code, "Sent 3 runs as 9 events" in done.output) == (0, True)
    assert all(batch.historical_migration for batch in server.batches)
    names = sorted(event["event"] for event in server.events)
    assert names == ["page_fetched"] * 3 + ["run_ended"] * 3 + ["run_started"] * 3
    server.assert_event("page_fetched", page=2)


def test_what_was_sent_while_it_happened_is_not_there_twice(
    backfill: Typed, server: PostHogServer
) -> None:
    record(3, active="sqlite,posthog")
    live = server.events
    assert backfill().exit_code == 0
    assert (len(live), server.events, server.duplicates) == (9, live, 9)


def test_only_what_is_asked_for_is_sent(backfill: Typed, server: PostHogServer) -> None:
    record(2)
    assert backfill("--until", "2001-01-01").exit_code == 0
    assert server.requests == []
    assert backfill("--since", "1h").exit_code == 0
    assert len(server.events) == 6


def test_a_dry_run_only_counts(backfill: Typed, server: PostHogServer) -> None:
    record(2)
    assert "There are 2 runs" in backfill("--dry-run").output
    assert server.requests == []


def test_the_answer_may_be_json(backfill: Typed, server: PostHogServer) -> None:
    record(2)
    server.reject(lambda event: event["event"] == "page_fetched")
    done = backfill("--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"], told["found"], told["runs"]) == (1, False, 2, 2)
    assert (told["sent"], len(told["refused"])) == (4, 2)


def test_a_wrong_key_ends_it_and_says_why(backfill: Typed, server: PostHogServer) -> None:
    record(1)
    server.keys.clear()
    server.keys.add("phc_another")
    done = backfill()
    assert done.exit_code == 1
    assert "nothing will be there twice" in done.stderr
    assert KEY not in done.output


def test_a_busy_posthog_is_waited_for(backfill: Typed, server: PostHogServer) -> None:
    record(1)
    server.fail(503, times=1)
    assert backfill().exit_code == 0
    assert len(server.events) == 3


def test_without_a_posthog_sink_there_is_nowhere_to_send_to(
    backfill: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    refused = backfill()
    assert (refused.exit_code, "no posthog sink is active" in refused.stderr) == (1, True)
