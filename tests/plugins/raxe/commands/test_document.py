"""Each line of the chapter "CLI Commands" of RAXE's document, typed behind `telemetry`."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugins.raxe.shipper.conftest import SCAN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry import RaxeServer

    from tests.plugins.raxe.commands.conftest import Typed

BAD: dict[str, Any] = {}  # RAXE wants a hash in a scan


@pytest.fixture
def dead(keep: Callable[[str], str], recorded: Callable[..., None], typed: Typed) -> dict[str, Any]:
    """Leave one dead letter behind, and return it."""
    keep("ok")
    recorded(SCAN, BAD)
    assert typed("flush").exit_code == 0
    [letter] = json.loads(typed("dlq list --json").stdout)["letters"]
    return dict(letter)


def test_auth_login(typed: Typed) -> None:
    said = typed("auth login --no-browser")
    assert (said.exit_code, said.stdout.split()[0]) == (0, "https://console.raxe.ai/keys")


def test_auth_status(typed: Typed, keep: Callable[[str], str]) -> None:
    key = keep("ok")
    said = typed("auth status")
    assert said.exit_code == 0
    assert key not in said.output


def test_auth_status_remote(typed: Typed, keep: Callable[[str], str]) -> None:
    keep("ent")
    assert "enterprise" in typed("auth status --remote").stdout


def test_stats_telemetry(typed: Typed, keep: Callable[[str], str], recorded: Any) -> None:
    key = keep("ok")
    recorded(SCAN, SCAN)
    said = typed("stats --telemetry")
    assert said.exit_code == 0
    assert "standard      2 waiting, the oldest of" in said.stdout
    assert key not in said.output


def test_telemetry_flush(
    typed: Typed, keep: Callable[[str], str], recorded: Any, raxe: RaxeServer
) -> None:
    keep("ok")
    recorded(SCAN, SCAN)
    assert typed("flush").exit_code == 0
    assert len(raxe.events) == 2


def test_telemetry_dlq_list(dead: dict[str, Any], typed: Typed) -> None:
    assert (dead["sink"], dead["code"]) == ("raxe", "EVT_001")
    assert "prompt_hash is missing" in dead["reason"]
    assert "EVT_001" in typed("dlq list").stdout


def test_telemetry_dlq_show(dead: dict[str, Any], typed: Typed) -> None:
    as_raxe_shows_it = f"evt_{dead['id'].replace('-', '')}"
    for name in (dead["id"], dead["id"][:20], as_raxe_shows_it, as_raxe_shows_it[:16]):
        said = typed(f"dlq show {name}")
        assert said.exit_code == 0
        assert "EVT_001" in said.stdout
        assert "prompt_hash is missing" in said.stdout


@pytest.mark.parametrize("option", ["", "--all"])
def test_telemetry_dlq_retry(
    dead: dict[str, Any], typed: Typed, told: Callable[[str], Any], raxe: RaxeServer, option: str
) -> None:
    assert typed(f"dlq retry {option}").exit_code == 1  # it says no more than before
    [again] = told("dlq list")["letters"]
    assert (again["id"], again["code"]) == (dead["id"], "EVT_001")
    assert again["first"] > dead["last"]
    assert len(raxe.events) == 1


def test_one_dead_letter_is_retried_by_its_id(
    dead: dict[str, Any], recorded: Any, typed: Typed, told: Callable[[str], Any]
) -> None:
    recorded(BAD)
    typed("flush")
    again = told(f"dlq retry {dead['id']}")
    assert again["sinks"]["raxe"]["refused"] == 1
    assert told("dlq list")["total"] == 2


@pytest.mark.parametrize(("age", "deleted"), [("7d", 0), ("36h", 0), ("30m", 0), ("0s", 1)])
def test_telemetry_dlq_clear(
    dead: dict[str, Any], told: Callable[[str], Any], age: str, deleted: int
) -> None:
    assert told(f"dlq clear --older-than {age} --yes")["deleted"] == deleted
    assert told("dlq list")["total"] == 1 - deleted


def test_config_show_telemetry(typed: Typed) -> None:
    shown = json.loads(typed("config show telemetry --json").stdout)["settings"]
    values = {one["key"]: one["value"] for one in shown}
    assert values["plugins.raxe.enabled"] is True
    assert {key.rpartition(".")[0] for key in values} == {"plugins.raxe"}


def test_config_set_telemetry_enabled_false(
    typed: Typed, keep: Callable[[str], str], raxe: RaxeServer, settings: Path
) -> None:
    keep("pro")
    said = typed("config set telemetry.enabled false")
    assert (said.exit_code, said.stderr) == (0, "")
    assert "[plugins.raxe]\nenabled = false\n" in settings.read_text()
    final = raxe.assert_event("config_changed", is_final_event=True, changed_via="cli")
    assert final["priority"] == "critical"
    assert final["payload"]["changes"][0]["key"] == "telemetry.enabled"


def test_export_raxe_telemetry_dry_run(
    typed: Typed,
    recorded: Any,
    raxe: RaxeServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("RAXE_TELEMETRY_DRY_RUN", "true")
    caplog.set_level(logging.INFO, "telemetry_core.raxe")
    recorded(SCAN)
    assert typed("flush").exit_code == 0
    assert raxe.requests == []
    assert "dry run, not sent: " in caplog.text
    assert "in a dry run: nothing is sent" in typed("stats --telemetry").stdout
