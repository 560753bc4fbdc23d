"""A sink is asked before it is switched off, gets its last event first, and has two names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FILE = Path("telemetry.toml")
ARRIVED = Path("arrived")
SETTINGS = "[plugins.shaky]\nenabled = true\n"
SINK = """
import pathlib
from attrs import define
from telemetry_core import Health, hookimpl

@define(eq=False)
class Shaky:
    also_named = "inbox"
    remote = True
    enabled: bool = True

    @hookimpl
    def ship_batch(self, batch):
        {ship}

    def may_disable(self):
        return {answer}

    def last_event(self):
        return "switched_off", {{"by": "hand"}}
"""
WRITES = "pathlib.Path('arrived').write_text(next(iter(batch)).body.event_type)"
MAY = "Health(ok=True)"
MAY_NOT = "Health(ok=False, message='the tier free has to listen')"


@pytest.fixture
def shaky(installed: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what installs the sink, with what it answers and how it ships."""
    monkeypatch.setenv("TELEMETRY_TEST_MODE", "live")

    def install(answer: str = MAY, ship: str = WRITES) -> None:
        FILE.write_text(SETTINGS)
        installed(SINK.format(answer=answer, ship=ship))

    return install


@pytest.mark.parametrize("key", ["plugins.shaky.enabled", "inbox.enabled"])
def test_the_last_event_arrives_before_it_is_off(shaky: Any, call: Any, key: str) -> None:
    shaky(ship=f"assert pathlib.Path('telemetry.toml').read_text() == {SETTINGS!r}; {WRITES}")
    done = call("config", "set", key, "false")
    assert (done.exit_code, done.stderr) == (0, "")
    assert ARRIVED.read_text() == "switched_off"
    assert FILE.read_text() == "[plugins.shaky]\nenabled = false\n"


@pytest.mark.parametrize(
    ("answer", "why"), [(MAY_NOT, "the tier free has to listen"), ("1 / 0", "ZeroDivisionError")]
)
def test_one_that_may_not_or_cannot_tell_stays_on(
    shaky: Any, call: Any, answer: str, why: str
) -> None:
    shaky(answer)
    refused = call("config", "set", "inbox.enabled", "false")
    assert refused.exit_code == 1
    assert f"plugins.shaky.enabled stays as it is: {why}" in refused.stderr
    assert FILE.read_text() == SETTINGS
    assert not ARRIVED.exists()


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("DO_NOT_TRACK", "1", "shaky is silenced by DO_NOT_TRACK"),
        ("TELEMETRY_DISABLED", "1", "shaky is silenced by TELEMETRY_DISABLED"),
        ("TELEMETRY_ACTIVE", "sqlite", "shaky is not active"),
    ],
)
def test_one_that_is_silent_is_not_asked(
    shaky: Any, call: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    shaky()
    monkeypatch.setenv(variable, value)
    refused = call("config", "set", "plugins.shaky.enabled", "false")
    assert (refused.exit_code, FILE.read_text()) == (1, SETTINGS)
    assert why in refused.stderr
    assert not ARRIVED.exists()


def test_that_its_last_event_did_not_arrive_is_said(shaky: Any, call: Any) -> None:
    shaky(ship="from telemetry_core import Receipt; return Receipt.pause('http_401', 'no key')")
    done = call("config", "set", "inbox.enabled", "false")
    assert done.exit_code == 0
    assert "its last event is not delivered: paused: http_401 no key" in done.stderr
    assert "enabled = false" in FILE.read_text()


def test_nobody_is_asked_about_anything_else(shaky: Any, call: Any) -> None:
    shaky(MAY_NOT)
    assert call("config", "set", "inbox.enabled", "true").exit_code == 0
    assert call("config", "set", "inbox.enabled", "--unset").exit_code == 0
    assert call("config", "set", "active", "sqlite").exit_code == 0
    assert not ARRIVED.exists()


def test_a_table_is_shown_by_either_name(shaky: Any, call: Any) -> None:
    shaky()
    shown = [
        json.loads(call("config", "show", name, "--json").stdout)["settings"]
        for name in ("inbox", "plugins.shaky", "inbox.enabled")
    ]
    assert shown[0] == shown[1] == shown[2]
    assert [(one["key"], one["value"]) for one in shown[0]] == [("plugins.shaky.enabled", True)]
    assert call("config", "get", "inbox.enabled").stdout == "true\n"


def test_a_table_of_the_core_is_shown_alone(call: Any) -> None:
    shown = json.loads(call("config", "show", "privacy", "--json").stdout)["settings"]
    assert {one["key"].partition(".")[0] for one in shown} == {"privacy"}


def test_the_table_of_a_sink_that_is_not_active_is_shown_too(call: Any) -> None:
    FILE.write_text("active = []\n")
    assert "plugins.sqlite.db_path" in call("config", "show", "plugins.sqlite").stdout


@pytest.mark.parametrize("table", ["deliver", "plugins.gone", "telemetri"])
def test_a_table_that_is_none_is_an_error(call: Any, table: str) -> None:
    refused = call("config", "show", table)
    assert refused.exit_code == 2
    assert "tables are delivery, plugins, privacy" in refused.stderr
