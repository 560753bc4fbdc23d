"""`telemetry stats` reads how telemetry stands from the disk, by the names of RAXE's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe import CredentialStore

from telemetry_core import TelemetryClient, load_config
from tests.plugins.raxe.shipper.conftest import SCAN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry import RaxeServer

    from tests.plugins.raxe.commands.conftest import Typed

    Told = Callable[[str], Any]
    Keep = Callable[[str], str]


def test_it_has_the_names_of_raxe(
    told: Told, keep: Keep, recorded: Callable[..., None], raxe: RaxeServer
) -> None:
    key = keep("ok")
    recorded(SCAN, SCAN)
    found = told("stats --telemetry")
    assert (found["ok"], found["endpoint"]) == (True, f"{raxe.url}/v1/telemetry")
    assert found["api_key"] == f"{key[:12]}…{key[-4:]}"
    assert (found["tier"], found["telemetry_enabled"]) == ("community", True)
    assert (found["circuit_breaker_state"], found["schema_version"]) == ("CLOSED", "0.0.1")
    assert {name: lane["count"] for name, lane in found["queues"].items()} == {
        "critical": 0,
        "standard": 2,
        "dlq": 0,
    }
    assert found["queues"]["critical"]["oldest"] is None
    assert found["queues"]["standard"]["oldest"].endswith("+00:00")
    assert found["total_queued"] == 2
    assert raxe.requests == []


def test_what_is_critical_waits_by_itself(
    told: Told, settings: Path, recorded: Callable[..., None]
) -> None:
    settings.write_text(f'{settings.read_text()}critical = ["scan"]\n')
    recorded(SCAN)
    queues = told("stats")["queues"]
    assert (queues["critical"]["count"], queues["standard"]["count"]) == (1, 0)


def test_the_circuit_is_the_one_that_other_programs_opened(
    told: Told, typed: Typed, keep: Keep, settings: Path
) -> None:
    keep("err")
    with TelemetryClient(load_config(settings)) as client:
        client.capture("scan", properties=SCAN)
        assert not any(client.flush(5) for _ in range(5))
    found = told("stats")
    assert (found["ok"], found["circuit_breaker_state"]) == (False, "OPEN")
    assert "503" in found["last_error"]
    assert typed("stats").exit_code == 1


def test_a_day_that_is_used_up_is_a_pause(
    told: Told, typed: Typed, keep: Keep, recorded: Callable[..., None]
) -> None:
    keep("daily")
    recorded(SCAN)
    assert typed("flush").exit_code == 1
    found = told("stats")
    assert (found["ok"], found["paused"], found["circuit_breaker_state"]) == (False, True, "CLOSED")
    assert found["paused_until"].endswith("+00:00")
    assert found["total_queued"] == 1
    assert "paused " in typed("stats").stdout


def test_it_can_be_asked_when_telemetry_is_disabled(
    told: Told, typed: Typed, settings: Path
) -> None:
    settings.write_text(f"{settings.read_text()}[plugins.raxe]\nenabled = false\n")
    assert typed("stats").exit_code == 0
    assert told("stats")["telemetry_enabled"] is False


@pytest.mark.parametrize(
    ("variable", "value", "ok"),
    [
        ("DO_NOT_TRACK", "1", True),
        ("TELEMETRY_DISABLED", "1", True),
        ("TELEMETRY_ACTIVE", "sqlite", False),
        ("RAXE_TELEMETRY_ENDPOINT", "http://localhost.evil.example", False),
    ],
)
def test_what_keeps_it_silent_is_said(
    told: Told, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, ok: bool
) -> None:
    monkeypatch.setenv(variable, value)
    found = told("stats")
    assert (found["ok"], found["telemetry_enabled"]) == (ok, False)


def test_a_key_that_cannot_be_read_is_said(told: Told, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")
    found = told("stats")
    assert (found["ok"], found["api_key"]) == (False, None)
    assert "it is no JSON" in found["problem"]


def test_a_key_of_no_tier_is_of_the_one_that_it_has(
    told: Told, raxe: RaxeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told("stats")["tier"] is None
    CredentialStore().get_or_create()
    assert told("stats")["tier"] == "temporary"
    monkeypatch.setenv("RAXE_API_KEY", raxe.keys["ok"])
    assert told("stats")["tier"] == "community"
