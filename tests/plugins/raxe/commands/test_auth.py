"""`telemetry auth`: no key is ever shown, and the exit code says whether the key is good."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from telemetry_raxe import CredentialStore

from telemetry_core import SystemClock, iso8601
from telemetry_core.cli.app import telemetry
from tests.plugins.raxe.keys_for_tests import LIVE, TEMP, TEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result
    from pytest_telemetry import RaxeServer

    Call = Callable[..., Result]

HOUR = 3_600 * 10**9


@pytest.fixture
def kept() -> CredentialStore:
    return CredentialStore()


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, home: Path) -> Call:
    """Return what calls a command in this process."""
    monkeypatch.chdir(home)
    return lambda *args, **settings: CliRunner().invoke(telemetry, ["auth", *args], **settings)


@pytest.fixture
def ask(call: Call) -> Callable[..., Any]:
    return lambda *args: json.loads(call(*args, "--json").stdout)


def ends_in(store: CredentialStore, hours: float) -> None:
    """Keep a temporary key that ends so soon."""
    expiry = iso8601(SystemClock.time_ns() + int(hours * HOUR))
    store.save(replace(store.get_or_create(raise_on_expired=False), expires_at=expiry))


# -- status


def test_without_a_key_it_says_how_one_gets_one(call: Call, path: Path) -> None:
    said = call("status")
    assert said.exit_code == 1
    assert "There is no key yet" in said.stdout
    assert "telemetry auth login" in said.stdout
    assert not path.exists()


def test_a_damaged_file_is_told_with_what_to_do(call: Call, path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"api_key": "raxe_')
    said = call("status")
    assert said.exit_code == 2
    assert "it is no JSON; a copy is kept as credentials.json.corrupt-" in said.stderr
    assert path.read_text() == '{"api_key": "raxe_'


@pytest.mark.parametrize("options", [(), ("--json",), ("--format", "json")])
def test_the_key_is_masked(call: Call, kept: CredentialStore, options: tuple[str, ...]) -> None:
    kept.upgrade_key(LIVE, "live")
    said = call("status", *options)
    assert said.exit_code == 0
    assert LIVE not in said.output
    assert "raxe_live_ll" in said.stdout


def test_all_that_is_known_is_told(ask: Callable[..., Any], kept: CredentialStore) -> None:
    made = kept.get_or_create()
    said = ask("status")
    assert (said["ok"], said["expired"], said["days_until_expiry"]) == (True, False, 14)
    assert (said["key_type"], said["tier"]) == ("temporary", "temporary")
    assert said["installation_id"] == made.installation_id
    assert said["source"] == said["path"] == str(kept.path)
    assert (said["remote"], said["problem"], said["stale"]) == (None, "", True)
    assert made.api_key not in json.dumps(said)


@pytest.mark.parametrize(
    ("hours", "words", "code"),
    [
        (-25, "The key expired 1 day ago", 1),
        (-1, "The key expired today", 1),
        (20, "The key expires within a day", 0),
        (70, "The key expires in 3 days", 0),
        (6 * 24, "The key expires in 6 days", 0),
    ],
)
def test_a_key_that_ends_soon_is_told(
    call: Call, kept: CredentialStore, hours: float, words: str, code: int
) -> None:
    ends_in(kept, hours)
    said = call("status")
    assert said.stdout.startswith(words)
    assert "https://console.raxe.ai/keys" in said.stdout.partition("\n")[0]
    assert said.exit_code == code


def test_a_key_that_goes_on_for_long_is_no_news(call: Call, kept: CredentialStore) -> None:
    ends_in(kept, 24 * 9)
    assert "The key" not in call("status").stdout


def test_the_key_of_the_environment_is_the_one_in_force(
    ask: Callable[..., Any], kept: CredentialStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.get_or_create()
    monkeypatch.setenv("RAXE_API_KEY", TEST)
    said = ask("status")
    assert (said["source"], said["key_type"]) == ("RAXE_API_KEY", "test")


def test_a_permission_that_is_too_old_is_none(call: Call, kept: CredentialStore) -> None:
    kept.get_or_create()
    told = {"can_disable_telemetry": True, "server_time": "2020-01-01T00:00:00Z"}
    kept.update_from_health(told)
    shown = call("status").stdout
    assert "may disable telemetry  no" in shown
    assert "too old to count" in shown


# -- status --remote


@pytest.mark.parametrize("situation", ["unknown", "expired", "err", "rate"])
def test_a_key_that_the_service_does_not_take_is_told_beside_what_is_known(
    call: Call, kept: CredentialStore, raxe: RaxeServer, situation: str
) -> None:
    key = raxe.keys[situation]
    kept.save(replace(kept.get_or_create(), api_key=key, key_type=_type_of(key)))
    said = call("status", "--remote")
    assert said.exit_code == 1
    assert "What is known here:" in said.stdout
    assert key not in said.output


def test_when_nobody_answers_it_shows_what_is_known(
    call: Call, kept: CredentialStore, raxe: RaxeServer
) -> None:
    kept.get_or_create()
    raxe.down()
    said = call("status", "-r")
    assert said.exit_code == 1
    assert "Could not reach server" in said.stdout
    assert "temporary" in said.stdout


def test_what_the_service_allows_is_shown_and_remembered(
    call: Call, kept: CredentialStore, raxe: RaxeServer
) -> None:
    kept.upgrade_key(raxe.keys["ent"], "live")
    said = call("status", "--remote")
    assert said.exit_code == 0
    assert "tier                   enterprise" in said.stdout
    remembered = kept.load()
    assert remembered
    assert (remembered.tier, remembered.can_disable_telemetry) == ("enterprise", True)
    assert not remembered.is_health_check_stale()


def test_a_temporary_key_of_this_machine_is_known_to_the_service_at_once(
    ask: Callable[..., Any], kept: CredentialStore, raxe: RaxeServer
) -> None:
    kept.get_or_create()
    said = ask("status", "--remote")
    assert said["ok"]
    assert said["remote"]["tier"] == "temporary"
    assert said["remote"]["days_remaining"] == 14


def test_the_key_of_the_environment_can_be_asked_about(
    ask: Callable[..., Any],
    kept: CredentialStore,
    raxe: RaxeServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept.get_or_create()
    monkeypatch.setenv("RAXE_API_KEY", raxe.keys["pro"])
    assert ask("status", "--remote")["remote"]["tier"] == "pro"
    remembered = kept.load()
    assert remembered
    assert remembered.can_disable_telemetry is False


# -- login


def test_the_address_is_always_printed(call: Call) -> None:
    said = call("login", "--no-browser")
    assert (said.exit_code, said.stdout.splitlines()[0]) == (0, "https://console.raxe.ai/keys")


def test_for_programs_no_browser_is_opened(ask: Callable[..., Any]) -> None:
    assert ask("login") == {"ok": True, "url": "https://console.raxe.ai/keys"}


@pytest.mark.skipif(os.name == "nt", reason="a browser that is a shell script")
def test_a_browser_is_opened_at_the_console(tmp_path: Path) -> None:
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\n')
    browser.chmod(stat.S_IRWXU)
    environ = {**os.environ, "BROWSER": str(browser), "RAXE_CONSOLE_URL": "http://localhost:5"}
    code = "from telemetry_core.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "auth", "login"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.stdout.splitlines()[0] == "http://localhost:5/keys"
    assert seen.read_text() == "http://localhost:5/keys"


@pytest.mark.parametrize("brought", ["", "\n", "hunter2", f"{LIVE[:-1]}\n", f"{TEMP}\n"])
def test_what_is_no_permanent_key_replaces_none(
    call: Call, kept: CredentialStore, brought: str
) -> None:
    made = kept.get_or_create()
    said = call("login", "--with-key", input=brought)
    assert said.exit_code == 2
    assert "hunter2" not in said.output
    assert kept.load() == made


@pytest.mark.parametrize(("key", "key_type"), [(LIVE, "live"), (TEST, "test")])
def test_a_key_that_was_brought_is_kept(
    call: Call, kept: CredentialStore, key: str, key_type: str
) -> None:
    made = kept.get_or_create()
    said = call("login", "--with-key", input=f"{key}\n")
    assert said.exit_code == 0
    assert key not in said.output
    now = kept.load()
    assert now
    assert (now.api_key, now.key_type) == (key, key_type)
    assert now.installation_id == made.installation_id


def test_who_keeps_a_key_that_the_environment_hides_is_told(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAXE_API_KEY", TEST)
    said = call("login", "--with-key", input=LIVE)
    assert said.exit_code == 0
    assert "RAXE_API_KEY is set, and goes before the key that is kept" in said.stderr


def _type_of(key: str) -> Any:
    return "temporary" if key.startswith("raxe_temp_") else key.split("_")[1]
