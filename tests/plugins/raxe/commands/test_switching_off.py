"""`config set telemetry.enabled false` is done where the key is known to allow it, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telemetry_raxe import CredentialStore

from telemetry_core import SystemClock, iso8601
from tests.plugins.raxe.commands.conftest import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result
    from pytest_telemetry import RaxeServer

    from tests.plugins.raxe.commands.conftest import Typed

DAY = 86_400 * 10**9


@pytest.fixture
def switch(typed: Typed) -> Callable[[], Result]:
    return lambda: typed("config set telemetry.enabled false")


def allowed(ago: int = 0) -> None:
    """Remember that the key may, as said so many nanoseconds ago."""
    said = {"can_disable_telemetry": True, "server_time": iso8601(SystemClock.time_ns() - ago)}
    CredentialStore().update_from_health({**said, "tier": "pro"})


@pytest.mark.parametrize(
    ("situation", "why"),
    [
        ("ok", "the tier community requires telemetry"),
        ("telreq", "the tier community requires telemetry"),
        ("unknown", "is not known: Invalid API key"),
        ("err", "Server error (HTTP 503)"),
    ],
)
def test_it_is_refused_with_the_reason(
    keep: Callable[[str], str],
    switch: Callable[[], Result],
    raxe: RaxeServer,
    settings: Path,
    situation: str,
    why: str,
) -> None:
    key = keep(situation)
    said = switch()
    assert said.exit_code == 1
    assert why in said.stderr
    assert key not in said.output
    assert (settings.read_text(), raxe.events) == (SETTINGS, [])


def test_a_temporary_key_does_not_allow_it(
    switch: Callable[[], Result], raxe: RaxeServer, settings: Path
) -> None:
    assert "the tier temporary requires telemetry" in switch().stderr
    assert settings.read_text() == SETTINGS


@pytest.mark.parametrize("long_name", [True, False])
def test_the_long_name_is_no_way_round(
    keep: Callable[[str], str], typed: Typed, settings: Path, long_name: bool
) -> None:
    keep("ok")
    name = "plugins.raxe" if long_name else "telemetry"
    assert typed(f"config set {name}.enabled false").exit_code == 1
    assert settings.read_text() == SETTINGS


@pytest.mark.parametrize(("ago", "code"), [(DAY // 2, 0), (DAY + DAY // 24, 1)])
def test_where_nobody_answers_what_was_said_within_a_day_counts(
    keep: Callable[[str], str], switch: Callable[[], Result], raxe: RaxeServer, ago: int, code: int
) -> None:
    keep("pro")
    allowed(ago)
    raxe.down()
    assert switch().exit_code == code


def test_what_was_allowed_once_and_is_no_more_does_not_count(
    keep: Callable[[str], str], switch: Callable[[], Result], settings: Path
) -> None:
    keep("ok")
    allowed()
    assert switch().exit_code == 1
    assert settings.read_text() == SETTINGS


def test_the_key_of_the_environment_is_the_one_that_counts(
    keep: Callable[[str], str],
    switch: Callable[[], Result],
    raxe: RaxeServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep("pro")
    monkeypatch.setenv("RAXE_API_KEY", raxe.keys["ok"])
    assert switch().exit_code == 1
    monkeypatch.setenv("RAXE_API_KEY", raxe.keys["ent"])
    assert switch().exit_code == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DO_NOT_TRACK", "1"),
        ("TELEMETRY_DISABLED", "1"),
        ("TELEMETRY_ACTIVE", "sqlite"),
        ("RAXE_TELEMETRY_DRY_RUN", "true"),
    ],
)
def test_what_is_silent_asks_nobody(
    keep: Callable[[str], str],
    switch: Callable[[], Result],
    raxe: RaxeServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    keep("pro")
    monkeypatch.setenv(variable, value)
    assert switch().exit_code == 1
    assert raxe.requests == []


@pytest.mark.parametrize("variable", ["DO_NOT_TRACK", "TELEMETRY_DISABLED"])
def test_the_words_of_the_user_win_over_every_tier(
    keep: Callable[[str], str],
    typed: Typed,
    recorded: Callable[..., None],
    raxe: RaxeServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    keep("telreq")
    monkeypatch.setenv(variable, "1")
    recorded()
    typed("flush")
    assert raxe.requests == []


def test_active_is_nobodys_affair_but_the_users(
    keep: Callable[[str], str], typed: Typed, raxe: RaxeServer
) -> None:
    keep("telreq")
    assert typed("config set active sqlite").exit_code == 0
    assert raxe.requests == []


def test_once_off_it_stays_off_until_it_is_on_again(
    keep: Callable[[str], str],
    switch: Callable[[], Result],
    typed: Typed,
    recorded: Callable[..., None],
    raxe: RaxeServer,
) -> None:
    keep("pro")
    assert (switch().exit_code, switch().exit_code) == (0, 0)
    recorded()
    assert typed("flush").exit_code == 0
    assert [event["event_type"] for event in raxe.events] == ["config_changed"]
    assert typed("config set telemetry.enabled true").exit_code == 0
    recorded()
    assert typed("flush").exit_code == 0
    assert [event["event_type"] for event in raxe.events] == ["config_changed", "scan"]
