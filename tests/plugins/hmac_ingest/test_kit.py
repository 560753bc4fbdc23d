"""The client of the document: what it is told is in the spool, then at the server, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry import IngestServer
from telemetry_hmac_ingest import SyncConfig, TelemetryKit

from telemetry_core import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Kits(Protocol):
    def __call__(self, **settings: Any) -> TelemetryKit: ...


@pytest.fixture
def fake() -> Iterator[IngestServer]:
    server = IngestServer()
    with server.serving():
        yield server


def sync_with(fake: IngestServer, **other: Any) -> SyncConfig:
    by = fake.development
    ours = {"org_id": by.org, "app_id": by.app, "token": by.token, "secret": by.secret}
    return SyncConfig(**{"endpoint": fake.url, **ours, **other})


@pytest.fixture
def kit_for(fake: IngestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kits:
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("TELEMETRY_TEST_MODE", "live")

    def make(**settings: Any) -> TelemetryKit:
        return TelemetryKit("test-app", sync=sync_with(fake), state_dir=tmp_path, **settings)

    return make


def told(fake: IngestServer) -> list[dict[str, Any]]:
    return [event["event"] for event in fake.events]


def test_the_document_s_example(kit_for: Kits, fake: IngestServer) -> None:
    with kit_for() as telemetry:
        event_id = telemetry.track_command("test", success=True)
        assert telemetry.sync()
    (event,) = fake.events
    assert (event["event_id"], event["service"]["name"]) == (event_id, "test-app")
    fake.assert_event("command_execution", command="test", success=True)


def test_a_command_says_what_is_known_of_it(kit_for: Kits, fake: IngestServer) -> None:
    with kit_for() as telemetry:
        telemetry.track_command(
            "build",
            subcommand="all",
            flags=("--fast",),
            success=False,
            duration_ms=7,
            exit_code=2,
            target="arm",
        )
        assert telemetry.sync()
    data = {
        "command": "build",
        "subcommand": "all",
        "flags": ["--fast"],
        "success": False,
        "duration_ms": 7,
        "exit_code": 2,
        "target": "arm",
    }
    assert told(fake) == [{"type": "command_execution", "category": "usage", "data": data}]


def test_a_feature_and_anything_else(kit_for: Kits, fake: IngestServer) -> None:
    with kit_for() as telemetry:
        telemetry.track_feature("cache", method="lru", size=3)
        telemetry.track("deployed", {"to": "staging"})
        telemetry.track("bare")
        assert telemetry.sync()
    feature = {"feature": "cache", "method": "lru", "success": True, "size": 3}
    assert told(fake) == [
        {"type": "feature_used", "category": "library", "data": feature},
        {"type": "deployed", "data": {"to": "staging"}},
        {"type": "bare", "data": {}},
    ]


def test_what_was_not_sent_goes_with_the_next_start(kit_for: Kits, fake: IngestServer) -> None:
    fake.down()
    with kit_for() as telemetry:
        telemetry.track("early")
        assert not telemetry.sync(0.2)
    fake.up()
    with kit_for() as telemetry:
        telemetry.track("late")
        assert telemetry.sync()
    assert sorted(event["type"] for event in told(fake)) == ["early", "late"]


def test_a_lost_reply_costs_nothing_and_doubles_nothing(kit_for: Kits, fake: IngestServer) -> None:
    fake.lose_reply(times=1)
    with kit_for() as telemetry:
        telemetry.track("once")
        fake.wait_for(lambda: fake.events)
        assert telemetry.sync()
    assert [event["type"] for event in told(fake)] == ["once"]
    assert fake.duplicates == 1


def test_a_clock_that_is_an_hour_wrong_is_no_obstacle(kit_for: Kits, fake: IngestServer) -> None:
    fake.time.ahead = 3600
    with kit_for() as telemetry:
        telemetry.track("seen")
        assert telemetry.sync()
    assert len(fake.events) == 1


def test_a_server_that_refuses_what_it_has_is_understood(kit_for: Kits, fake: IngestServer) -> None:
    fake.rejects_duplicates = fake.nested = True
    fake.lose_reply(times=1)
    with kit_for() as telemetry:
        telemetry.track("once")
        fake.wait_for(lambda: fake.events)
        report = telemetry.sync()
    assert (bool(report), len(fake.events)) == (True, 1)


@pytest.mark.parametrize("variable", ["DO_NOT_TRACK", "DNT", "TELEMETRY_DISABLED"])
def test_who_does_not_want_it_has_nothing_sent(
    kit_for: Kits, fake: IngestServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    with kit_for() as telemetry:
        assert telemetry.track_command("test")
        telemetry.sync()
    assert fake.requests == []


def test_without_sync_it_goes_where_the_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("TELEMETRY_ACTIVE", "ndjson")
    with TelemetryKit("test-app") as telemetry:
        telemetry.track("kept")
        assert telemetry.sync()
    (file,) = (tmp_path / "raw").glob("*.ndjson")
    assert '"kept"' in file.read_text()


@pytest.mark.parametrize("name", ["", "  ", "n" * 256, "two\nlines"])
def test_a_service_has_a_name(name: str) -> None:
    with pytest.raises(ConfigError, match="service_name"):
        TelemetryKit(name)


def test_the_credentials_are_not_shown(fake: IngestServer) -> None:
    sync = sync_with(fake)
    assert fake.development.token not in repr(sync)
    assert fake.development.secret not in repr(sync)


@pytest.mark.parametrize("wrong", [{"endpoint": "localhost"}, {"secret": ""}, {"signing": "none"}])
def test_settings_that_cannot_be_meant_are_refused(
    fake: IngestServer, wrong: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"http|secret|signing"):
        sync_with(fake, **wrong)
