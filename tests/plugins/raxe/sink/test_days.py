"""A day's limit, a restart and midnight: everything arrives once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import TelemetryClient, TelemetryConfig
from tests.plugins.raxe.shipper.conftest import SCAN

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import FakeClock

    from tests.plugins.raxe.shipper.conftest import AnyAnswer

HOUR = 3600
ERROR = {"error_type": "scan_error", "error_code": "E1", "component": "cli"}


@pytest.fixture
def config(server: AnyAnswer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TelemetryConfig:
    monkeypatch.setenv("RAXE_API_KEY", server.keys["ok"])
    settings: dict[str, Any] = {"endpoint": f"{server.url}/v1/telemetry"}
    return TelemetryConfig(
        active=["raxe"],
        base_dir=tmp_path / "base",
        plugins={"raxe": settings},
        test_mode="live",
        on_error="log",
    )


def tell(client: TelemetryClient, numbers: range) -> None:
    for number in numbers:
        client.capture("scan", properties={**SCAN, "number": number})


def arrived(server: AnyAnswer) -> list[int]:
    return sorted(event["payload"]["number"] for event in server.events)


@pytest.mark.parametrize("told", [True, False], ids=["limit told", "limit not told"])
def test_a_limit_a_restart_and_midnight_lose_and_double_nothing(
    config: TelemetryConfig, server: AnyAnswer, clock: FakeClock, told: bool
) -> None:
    if not told:
        fault = server.fail(404)
        fault.concerns = lambda exchange: exchange.request.method == "GET"  # type: ignore[method-assign]
    server.accounts[server.keys["ok"]].events_per_day = 100
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(100))
        assert client.flush(10)
        tell(client, range(100, 150))
        report = client.flush(10)
        assert report.sinks["raxe"].pending == 50
        assert "DAILY_LIMIT_001" in report.sinks["raxe"].error
    posts = server.posts
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(150, 170))
        client.flush(10)
        clock.advance(11 * HOUR)
        client.flush(10)
    assert (server.posts, arrived(server)) == (posts, list(range(100)))
    clock.advance(HOUR)
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(170, 175))
        assert client.flush(10)
    assert arrived(server) == list(range(175))
    assert server.duplicates == 0


def test_midnight_comes_while_the_program_runs(
    config: TelemetryConfig, server: AnyAnswer, clock: FakeClock
) -> None:
    account = server.accounts[server.keys["ok"]]
    account.events_today = account.events_per_day
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(30))
        assert not client.flush(10)
        clock.advance(12 * HOUR)
        assert client.flush(10)
    assert arrived(server) == list(range(30))
    assert server.posts <= 2


def test_the_one_that_offends_is_the_only_dead_letter(
    config: TelemetryConfig, server: AnyAnswer, clock: FakeClock
) -> None:
    server.names_offender = False
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(20))
        client.capture("scan", properties={**SCAN, "prompt": "hunter2"})
        tell(client, range(20, 40))
        for _ in range(10):  # each looks in one half
            if client.flush(10):
                break
        report = client.flush(10)
    assert arrived(server) == list(range(40))
    assert (report.sinks["raxe"].pending, report.sinks["raxe"].refused) == (0, 1)


def test_only_what_raxe_knows_is_sent(
    config: TelemetryConfig, server: AnyAnswer, clock: FakeClock
) -> None:
    with TelemetryClient(config, clock=clock) as client:
        with client.track_run("crawler", "nightly") as run:
            run.log_event("page.fetched")
        tell(client, range(1))
        assert client.flush(10)
    assert [event["event_type"] for event in server.events] == ["scan"]


def test_what_is_told_in_a_dry_run_is_never_sent_and_uses_nothing_up(
    config: TelemetryConfig, server: AnyAnswer, clock: FakeClock
) -> None:
    server.down()
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(2))
        client.flush(5)
    server.up()
    config.plugins["raxe"]["dry_run"] = True
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(2, 4))
        client.flush(10)
    assert server.events == []
    config.plugins["raxe"]["dry_run"] = False
    clock.advance(60)
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(4, 5))
        assert client.flush(10)
    assert arrived(server) == [0, 1, 4]


def test_of_a_backlog_that_is_too_long_the_first_are_thinned_out(
    config: TelemetryConfig, server: AnyAnswer, clock: FakeClock
) -> None:
    config.plugins["raxe"] |= {"back_pressure": True, "standard_size": 300}
    with TelemetryClient(config, clock=clock) as client:
        tell(client, range(500))
        client.capture("error", properties=ERROR)
        assert client.flush(10)
    numbers = [event["payload"].get("number") for event in server.events]
    assert None in numbers
    assert set(range(300, 499)) <= set(numbers)
    assert not set(range(200)) & set(numbers)
