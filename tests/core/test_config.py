"""Who has the say in a configuration: the program, the environment, the file, the defaults."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from telemetry_core.config import DeliverySettings, load_config
from telemetry_core.discovery import Installed
from telemetry_core.errors import ConfigError
from tests.core.settings_files import by_hand, refusal, root_only, write


def with_plugins(*names: str, **environ: str) -> tuple[str, ...]:
    points = [EntryPoint(name, f"nowhere_{name}:Sink", "telemetry_core") for name in names]
    return by_hand(environ, installed=Installed(points), base_dir="b").active


# -- what the environment says


@pytest.mark.parametrize(
    ("name", "text", "group", "key", "value"),
    [
        ("TELEMETRY_SERVICE", "s", "", "service", "s"),
        ("TELEMETRY_ACTIVE", "b, a", "", "active", ("b", "a")),
        ("TELEMETRY_ACTIVE", ",", "", "active", ()),
        ("TELEMETRY_BASE_DIR", "/b", "", "base_dir", Path("/b")),
        ("AGENT_METRICS_DIR", "/b", "", "base_dir", Path("/b")),
        ("TELEMETRY_ON_ERROR", "raise", "", "on_error", "raise"),
        ("TELEMETRY_DURABILITY", "ALWAYS", "delivery", "durability", "always"),
        ("TELEMETRY_BATCH_SIZE", "7", "delivery", "batch_size", 7),
        ("TELEMETRY_BATCH_BYTES", "7", "delivery", "batch_bytes", 7),
        ("TELEMETRY_LINGER", "0.5", "delivery", "linger", 0.5),
        ("TELEMETRY_MAX_BYTES", "7", "delivery", "max_bytes", 7),
        ("TELEMETRY_MAX_AGE_DAYS", "7", "delivery", "max_age_days", 7.0),
        ("TELEMETRY_EXIT_TIMEOUT", "7", "delivery", "exit_timeout", 7.0),
        ("TELEMETRY_CRITICAL", "pay*,x", "delivery", "critical", ("pay*", "x")),
        ("TELEMETRY_REDACT", "*a*", "privacy", "redact", ("*a*",)),
        ("TELEMETRY_TEST_MODE", "Mock", "", "test_mode", "mock"),
        ("TELEMETRY_PARENT_RUN_ID", "r", "", "parent_run_id", "r"),
        ("AGENT_OWNER", "me", "", "agent_owner", "me"),
        ("TELEMETRY_ENVIRONMENT", "prod", "", "environment", "prod"),
    ],
)
def test_every_setting_has_its_variable(
    name: str, text: str, group: str, key: str, value: object
) -> None:
    config = load_config(environ={name: text})
    assert getattr(getattr(config, group) if group else config, key) == value


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    path = write(
        tmp_path, 'service = "file"\nactive = ["a"]\n[delivery]\nlinger = 1\nbatch_size = 2'
    )
    environ = {"TELEMETRY_SERVICE": "variable", "TELEMETRY_LINGER": "3"}
    config = load_config(path, environ=environ)
    assert (config.service, config.active) == ("variable", ("a",))
    assert (config.delivery.linger, config.delivery.batch_size) == (3.0, 2)


def test_an_empty_variable_says_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, 'service = "file"')
    assert load_config(path, environ={"TELEMETRY_SERVICE": ""}).service == "file"


def test_our_base_directory_beats_the_older_name() -> None:
    environ = {"AGENT_METRICS_DIR": "/old", "TELEMETRY_BASE_DIR": "/new"}
    assert load_config(environ=environ).base_dir == Path("/new")


def test_a_relative_base_directory_of_a_variable_is_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "a", "")
    assert load_config(path, environ={"TELEMETRY_BASE_DIR": "b"}).base_dir == tmp_path / "b"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TELEMETRY_SERVICE", "a\nb"),
        ("TELEMETRY_SERVICE", "\udcff"),
        ("TELEMETRY_ACTIVE", "../x"),
        ("TELEMETRY_ACTIVE", "a,a"),
        ("TELEMETRY_BASE_DIR", "a\0"),
        ("TELEMETRY_ON_ERROR", "explode"),
        ("TELEMETRY_DURABILITY", "fsync"),
        ("TELEMETRY_EXIT_TIMEOUT", "soon"),
        ("TELEMETRY_EXIT_TIMEOUT", "-1"),
        ("TELEMETRY_LINGER", "nan"),
        ("TELEMETRY_BATCH_SIZE", "1.5"),
        ("TELEMETRY_MAX_BYTES", "9" * 5000),
        ("TELEMETRY_TEST_MODE", "on"),
        ("GOOGLE_SHEETS_API_ENABLED", "perhaps"),
    ],
)
def test_a_wrong_variable_is_named(name: str, text: str) -> None:
    assert refusal(**{name: text}).startswith(f"{name}: expected ")


# -- the two refusals, and the test mode


@pytest.mark.parametrize("text", ["1", "true", "anything"])
def test_the_users_refusals_win_over_program_and_file(text: str) -> None:
    environ = {"TELEMETRY_DISABLED": text, "DO_NOT_TRACK": text}
    for config in (
        load_config(environ=environ),
        by_hand(environ, disabled=False, do_not_track=False),
    ):
        assert config.disabled
        assert config.do_not_track


@pytest.mark.parametrize("text", ["", "0", "false", "no"])
def test_a_refusal_that_says_no_refuses_nothing(text: str) -> None:
    config = load_config(environ={"TELEMETRY_DISABLED": text, "DO_NOT_TRACK": text})
    assert not config.disabled
    assert not config.do_not_track


def test_a_program_may_refuse_for_itself() -> None:
    assert by_hand(disabled=True).disabled


def test_the_environment_reaches_a_configuration_made_by_hand() -> None:
    config = by_hand({"TELEMETRY_TEST_MODE": "mock", "TELEMETRY_PARENT_RUN_ID": "r"})
    assert (config.test_mode, config.parent_run_id) == ("mock", "r")


# -- what is active when nobody chose


def test_the_installed_local_sinks_are_active() -> None:
    assert with_plugins("ndjson", "posthog", "sqlite", "sheets") == ("sqlite", "ndjson")
    assert with_plugins("ndjson") == ("ndjson",)
    assert with_plugins() == ()


@pytest.mark.parametrize("name", ["TELEMETRY_API_URL", "METRICS_API_URL"])
def test_a_service_takes_the_place_of_the_database(name: str) -> None:
    assert with_plugins("sqlite", "ndjson", **{name: "http://x"}) == ("http_api", "ndjson")


def test_an_empty_service_takes_no_place() -> None:
    assert with_plugins("sqlite", TELEMETRY_API_URL="") == ("sqlite",)


@pytest.mark.parametrize(
    ("text", "sinks"), [("true", ("sqlite", "sheets")), ("false", ("sqlite",))]
)
def test_sheets_are_added_on_demand(text: str, sinks: tuple[str, ...]) -> None:
    assert with_plugins("sqlite", GOOGLE_SHEETS_API_ENABLED=text) == sinks


def test_what_is_installed_is_found_without_importing_it() -> None:
    code = (
        "import sys; from telemetry_core.config import load_config\n"
        "print(load_config(environ={}).active, [m for m in sys.modules if m.startswith('telemetry_')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "telemetry_core" in shown.stdout
    assert "telemetry_sqlite" not in shown.stdout
    assert "'sqlite'" in shown.stdout


# -- made by hand


def test_a_configuration_made_by_hand_takes_what_is_natural(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = by_hand(base_dir="x", active=["sqlite"])
    assert (config.base_dir, config.active) == (tmp_path / "x", ("sqlite",))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("active", "sqlite"), ("active", 5), ("base_dir", 5), ("service", ""), ("on_error", "no")],
)
def test_a_configuration_made_by_hand_is_checked_too(setting: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"TelemetryConfig: expected .* @ {setting}"):
        by_hand(**{setting: value})


def test_the_settings_of_delivery_made_by_hand_are_checked_too() -> None:
    with pytest.raises(ConfigError, match=r"DeliverySettings: expected .* @ batch_size"):
        DeliverySettings(batch_size=0)


@root_only
def test_without_a_home_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    os.setreuid(54321, 0)  # nobody's number, so nobody's home
    try:
        assert "set TELEMETRY_BASE_DIR" in refusal()
    finally:
        os.setreuid(0, 0)


def test_a_printed_configuration_shows_no_secret() -> None:
    config = by_hand({"KEY": "hunter2"}, plugins={"posthog": {"api_key": "hunter2"}})
    assert "hunter2" not in repr(config)
    assert b"hunter2" not in pickle.dumps(config.environ)


# -- validate


def test_validate_finds_nothing_wrong_with_what_can_work(tmp_path: Path) -> None:
    assert by_hand(active=["sqlite"], base_dir=tmp_path / "a" / "b").validate() == (True, [])


def test_validate_says_what_to_install() -> None:
    ok, errors = by_hand(active=["telegraph", "sqlit"]).validate()
    assert not ok
    assert "installed: " in errors[0]
    assert "pip install telemetry-telegraph" in errors[0]
    assert "did you mean 'sqlite'?" in errors[1]


def test_validate_knows_a_second_sink_of_a_kind() -> None:
    assert by_hand(active=["eu"], plugins={"eu": {"plugin": "sqlite"}}).validate()[0]


def test_a_base_directory_that_cannot_be_is_an_error_only_when_strict(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = by_hand(active=["sqlite"], base_dir=write(tmp_path, "") / "below")
    ok, errors = config.validate()
    assert not ok
    assert "cannot be written" in errors[0]
    with caplog.at_level(logging.WARNING):
        assert config.validate(strict=False) == (True, [])
    assert "cannot be written" in caplog.text
