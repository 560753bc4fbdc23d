"""What was seen to go wrong on the command line of RAXE's own client, each by the row that lists it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe import CredentialStore

from tests.core.cli.conftest import TELEMETRY
from tests.plugins.raxe.shipper.conftest import SCAN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry import RaxeServer

    from tests.plugins.raxe.commands.conftest import Typed

    Keep = Callable[[str], str]
    Recorded = Callable[..., None]

SENDS = """
import sys
from telemetry_core import TelemetryClient, load_config
client = TelemetryClient(load_config("telemetry.toml"))
client.capture("heartbeat", properties={"uptime_seconds": 1, "scans_since_last_heartbeat": 0})
client.flush(10)
print("delivered", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="a program there is not asked to end by a signal")
def test_2_a_program_that_sends_ends_at_the_first_sigterm(
    settings: Path, keep: Keep, raxe: RaxeServer
) -> None:
    keep("ok")
    command = [sys.executable, "-c", SENDS]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "delivered\n"
        program.terminate()
        assert program.wait(30) == -signal.SIGTERM
    assert len(raxe.events) == 1


def test_3_what_is_rejected_of_a_batch_is_a_dead_letter_with_its_code(
    keep: Keep, recorded: Recorded, typed: Typed, told: Callable[[str], Any], raxe: RaxeServer
) -> None:
    keep("ok")
    recorded(SCAN, {}, SCAN, SCAN)
    assert told("flush")["sinks"]["raxe"] == {
        "delivered": 3,
        "refused": 1,
        "pending": 0,
        "dropped": 0,
        "error": "",
    }
    assert len(raxe.events) == 3
    assert [letter["code"] for letter in told("dlq list")["letters"]] == ["EVT_001"]


def test_6_setting_something_never_writes_a_masked_key(
    keep: Keep, typed: Typed, path: Path, settings: Path
) -> None:
    key = keep("pro")
    settings.write_text(f'{settings.read_text()}[plugins.gone]\napi_key = "{key}"\n')
    kept = path.read_bytes()
    shown = typed("config show").output + typed("config show plugins.gone").output
    assert key not in shown
    for line in ("telemetry.privacy_check true", "service tested", "telemetry.enabled true"):
        assert typed(f"config set {line}").exit_code == 0
    assert f'api_key = "{key}"' in settings.read_text()
    assert path.read_bytes() == kept
    assert "***" not in settings.read_text()


def test_7_false_is_stored_as_what_it_is(
    keep: Keep, typed: Typed, recorded: Recorded, raxe: RaxeServer, settings: Path
) -> None:
    keep("pro")
    typed("config set telemetry.enabled false")
    assert "enabled = false\n" in settings.read_text()
    assert typed("config get telemetry.enabled").stdout == "false\n"
    recorded(SCAN)
    typed("flush")
    assert not any(event["event_type"] == "scan" for event in raxe.events)
    assert typed("config set telemetry.enabled perhaps").exit_code == 2


def test_8_a_live_key_that_was_never_asked_about_allows_nothing(
    keep: Keep, typed: Typed, raxe: RaxeServer, settings: Path
) -> None:
    keep("ok")
    before = settings.read_text()
    raxe.down()
    assert typed("config set telemetry.enabled false").exit_code == 1
    raxe.up()
    assert typed("config set telemetry.enabled false").exit_code == 1
    assert settings.read_text() == before


def test_8_what_is_allowed_is_remembered_of_the_first_batch(
    keep: Keep, typed: Typed, recorded: Recorded
) -> None:
    keep("pro")
    recorded(SCAN)
    typed("flush")
    kept = CredentialStore().load()
    assert kept
    assert (kept.tier, kept.can_disable_telemetry) == ("pro", True)


def test_14_another_program_sees_what_keeps_the_sink_waiting(
    settings: Path, keep: Keep, recorded: Recorded, raxe: RaxeServer
) -> None:
    keep("daily")
    recorded(SCAN)
    for line in ("flush", "stats"):
        done = subprocess.run(
            [*TELEMETRY, line, "--json"], capture_output=True, text=True, check=False, timeout=60
        )
    found = json.loads(done.stdout)
    assert (found["paused"], found["ok"], done.returncode) == (True, False, 1)


@pytest.mark.parametrize(
    "line", ["auth status --remote", "auth status", "stats --telemetry", "config show telemetry"]
)
@pytest.mark.parametrize("enabled", [True, False])
def test_15_no_command_needs_a_file_of_credentials(
    typed: Typed,
    raxe: RaxeServer,
    settings: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    enabled: bool,
) -> None:
    monkeypatch.setenv("RAXE_API_KEY", raxe.keys["ok"])
    if not enabled:
        settings.write_text(f"{settings.read_text()}[plugins.raxe]\nenabled = false\n")
    said = typed(line)
    assert (said.exit_code, said.stderr) == (0, "")
    assert raxe.keys["ok"] not in said.stdout


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("flush --timeout 5", 1),
        ("dlq show evt_abc123", 1),
        ("dlq retry evt_abc123", 1),
        ("dlq retry --all evt_abc123", 2),
        ("dlq clear --older-than soon", 2),
        ("config set telemetry.enabled", 2),
        ("config set telemetry.enable false", 2),
        ("stats --sink gone", 1),
        ("auth status --remote", 1),
    ],
)
def test_16_what_fails_is_no_0(
    keep: Keep, recorded: Recorded, typed: Typed, raxe: RaxeServer, line: str, code: int
) -> None:
    keep("err")
    recorded(SCAN)
    said = typed(line)
    assert said.exit_code == code
    assert said.output


def test_17_a_fresh_key_has_14_days_and_the_tier_that_it_has(
    typed: Typed, told: Callable[[str], Any], raxe: RaxeServer
) -> None:
    CredentialStore().get_or_create()
    found = told("auth status")
    assert (found["days_until_expiry"], found["tier"]) == (14, "temporary")
    assert found["tier"] == told("stats")["tier"]
    shown = typed("auth status").stdout + typed("stats").stdout
    assert "Pro" not in shown.title().split()


def test_17_a_live_key_is_not_pro_until_it_is_said_to_be(
    keep: Keep, told: Callable[[str], Any]
) -> None:
    keep("pro")
    assert (told("auth status")["tier"], told("stats")["tier"]) == ("community", "community")
    assert told("auth status --remote")["remote"]["tier"] == "pro"
    assert told("stats")["tier"] == "pro"
