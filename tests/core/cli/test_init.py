"""`init` writes a file that loads, in which every setting is explained, and over none."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from telemetry_core import TelemetryConfig, load_config
from telemetry_core.cli.config.catalogue import sink_settings
from telemetry_core.cli.init.template import telemetry_toml
from telemetry_core.config import DeliverySettings, PluginOptions, PrivacySettings
from telemetry_core.discovery import Installed
from telemetry_core.settings import keys_of

KINDS = (TelemetryConfig, DeliverySettings, PrivacySettings)
FILE = Path("telemetry.toml")


def _uncommented() -> dict[str, Any]:
    """Return what the file would say if nobody had commented it."""
    text = telemetry_toml("demo", ["sqlite", "ndjson"], ".telemetry", Installed())
    lines = (line.removeprefix("# ") for line in text.splitlines())
    return tomllib.loads("\n".join(line for line in lines if _is_toml(line)))


def _is_toml(line: str) -> bool:
    try:
        tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_is_there_with_the_value_it_has_anyway(kind: type) -> None:
    said = _uncommented()
    group = {DeliverySettings: "delivery", PrivacySettings: "privacy"}.get(kind)
    table = said[group] if group else said
    chosen = {"service", "active", "base_dir"}
    defaults = kind()
    for key in keys_of(kind).keys() - chosen:
        default = getattr(defaults, key)
        assert table[key] == (list(default) if isinstance(default, tuple) else default)
    assert group or chosen <= said.keys()


def test_every_option_of_a_sink_is_there() -> None:
    table = _uncommented()["plugins"]["sqlite"]
    assert table.keys() >= keys_of(PluginOptions).keys() - {"batch_bytes"}


@pytest.mark.parametrize("name", ["sqlite", "ndjson"])
def test_every_setting_of_the_plugins_is_there_and_can_be_set(call: Any, name: str) -> None:
    call("init", "--yes")
    config = load_config(FILE)
    keys = [s.path[-1] for s in sink_settings(name, config) if s.plugin is not None]
    table = FILE.read_text().split(f"# [plugins.{name}]\n")[1].split("# [plugins.")[0]
    assert keys == [key for key in re.findall(r"^# (\w+) = ", table, re.MULTILINE) if key in keys]
    for key in keys:
        assert call("config", "set", f"plugins.{name}.{key}", "7").exit_code == 0
    lines = FILE.read_text().splitlines()
    places = [number for number, line in enumerate(lines) if line.endswith((" = 7", ' = "7"'))]
    assert [lines[place - 1].split()[1] for place in places] == keys


def test_a_plugin_that_cannot_be_imported_has_a_table_all_the_same() -> None:
    broken = Installed([EntryPoint("broken", "no_such_module:X", "telemetry_core")])
    assert "# [plugins.broken]" in telemetry_toml("demo", ["broken"], ".telemetry", broken)
    assert "# [plugins.NAME]" in telemetry_toml("demo", [], ".telemetry", Installed([]))


def test_yes_asks_nothing_and_the_file_is_the_one_found(call: Any) -> None:
    assert call("init", "--yes").exit_code == 0
    config = load_config(environ={}, search_from=".")
    assert (config.service, config.active) == ("work", ("sqlite", "ndjson"))
    assert config.base_dir == Path.cwd() / ".telemetry"


def test_answers_are_taken(call: Any) -> None:
    assert call("init", input='a "quoted" \\ name\nndjson\n../there\n').exit_code == 0
    config = load_config(environ={}, search_from=".")
    assert (config.service, config.active) == ('a "quoted" \\ name', ("ndjson",))


@pytest.mark.parametrize("sinks", ["not a name!", "sqlite, sqlite", "snowplow"])
def test_an_answer_that_cannot_be_leaves_no_file(call: Any, sinks: str) -> None:
    refused = call("init", input=f"service\n{sinks}\n\n")
    assert refused.exit_code == 2
    assert not FILE.exists()


def test_nobody_there_to_answer_leaves_no_file(call: Any) -> None:
    asked = call("init", input="")
    assert asked.exit_code == 2
    assert "--yes asks nothing" in asked.stderr
    assert not FILE.exists()


def test_a_file_is_replaced_by_force_only(call: Any) -> None:
    FILE.write_text("service = 'mine'")
    refused = call("init", "--yes")
    assert refused.exit_code == 2
    assert FILE.read_text() == "service = 'mine'"
    assert call("init", "--yes", "--force").exit_code == 0
    assert load_config(environ={}, search_from=".").service == "work"


def test_a_place_that_cannot_be_written_is_a_clear_error(call: Any) -> None:
    refused = call("init", "--yes", "--config", "/dev/null/telemetry.toml")
    assert refused.exit_code == 2
    assert "cannot be written" in refused.stderr


def test_json_tells_what_was_chosen(ask: Any) -> None:
    told = ask("init")
    assert told["path"] == str(FILE.absolute())
    assert told["service"] == "work"
