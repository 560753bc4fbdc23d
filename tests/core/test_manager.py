"""Which plugins are active, how each is built from its settings, and what a wrong one is told."""

from __future__ import annotations

import logging
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from telemetry_core.config import TelemetryConfig
from telemetry_core.credentials import Environment
from telemetry_core.discovery import Installed
from telemetry_core.errors import ConfigError, PluginError, PluginNotFoundError
from telemetry_core.hookspecs import NAME, hookimpl
from telemetry_core.manager import Manager
from telemetry_core.mock_sink import MOCKED, MockSink
from telemetry_core.models import RunEvent
from telemetry_core.records import Batch, Kind, Lane, Receipt, Record

# -- plugins as their authors write them


@attrs.define(eq=False)
class Local:
    size: int = 1

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        return Receipt.all(batch)

    def destination(self) -> str:
        return f"local:{self.size}"


@attrs.define(eq=False)
class Posthog:
    api_key: str = ""

    remote: ClassVar[bool] = True

    @hookimpl
    def ship_batch(self, batch: Batch) -> None: ...


@attrs.define(eq=False)
class Listener:
    heard: list[str] = attrs.field(factory=list)

    @hookimpl
    def on_event(self, event: RunEvent) -> None:
        self.heard.append(event.event_type)


class Broken:
    mended: ClassVar[bool] = False

    def __init__(self) -> None:
        if not self.mended:
            raise OSError("no such port")

    @hookimpl
    def on_event(self) -> None: ...


class Hookless: ...


class Misspelt:
    @hookimpl
    def on_evnt(self, event: RunEvent) -> None: ...


NOT_A_CLASS = 5
CLASSES = ("Local", "Posthog", "Listener", "Broken", "Hookless", "Misspelt", "NOT_A_CLASS")
INSTALLED = [EntryPoint(name.lower(), f"{__name__}:{name}", NAME) for name in CLASSES]
ABSENT = EntryPoint("absent", "no_such_module:Sink", NAME)


def manager(
    *active: str,
    plugins: tuple[object, ...] = (),
    variables: dict[str, str] | None = None,
    tables: dict[str, Any] | None = None,
    **settings: Any,
) -> Manager:
    config = TelemetryConfig(
        active=active,
        base_dir=Path("/nowhere"),
        environ=Environment(variables or {}),
        installed=Installed([*INSTALLED, ABSENT]),
        plugins=tables or {},
        **settings,
    )
    return Manager(config, plugins)


def event(kind: str = "click") -> RunEvent:
    return RunEvent("id", kind, 0, None, None)


# -- which plugins there are


def test_a_plugin_that_is_not_installed_is_off_and_says_what_is_and_what_to_install(
    caplog: pytest.LogCaptureFixture,
) -> None:
    off, on = manager("hmac_ingest", "listener").plugins
    assert off.error is not None
    assert "installed: absent, broken" in off.error
    assert "pip install telemetry-hmac-ingest" in off.error
    assert (off.ships, off.listens, on.listens, on.error) == (False, False, True, None)
    assert [record.message for record in caplog.records] == [f"hmac_ingest is off: {off.error}"]


def test_a_misspelt_plugin_is_told_the_name_that_was_meant() -> None:
    assert "did you mean 'posthog'" in str(manager("posthgo").plugins[0].error)


def test_in_tests_a_plugin_that_is_not_installed_raises() -> None:
    with pytest.raises(PluginNotFoundError, match="did you mean 'posthog'"):
        manager("posthgo", on_error="raise")


def test_only_the_active_plugins_are_imported() -> None:
    assert [plugin.name for plugin in manager("local").plugins] == ["local"]


def test_a_name_that_two_distributions_offer_is_refused() -> None:
    rivals = Installed([EntryPoint("x", f"{kind}:Sink", NAME) for kind in ("a", "b")])
    config = TelemetryConfig(active=("x",), base_dir=Path("/nowhere"), installed=rivals)
    with pytest.raises(ConfigError, match="uninstall one of them"):
        Manager(config)


def test_a_plugin_that_cannot_be_imported_is_off_and_the_others_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    off, on = manager("absent", "local").plugins
    assert off.error is not None
    assert "ModuleNotFoundError" in off.error
    assert "reinstall" in off.error
    assert (off.ships, off.listens, on.ships, on.error) == (False, False, True, None)
    assert caplog.text.count("absent is off") == 1


def test_what_is_no_class_is_no_plugin() -> None:
    error = manager("not_a_class").plugins[0].error
    assert error is not None
    assert "is not a class" in error


def test_installed_plugins_are_listed_with_their_distributions() -> None:
    config = TelemetryConfig(active=(), base_dir=Path("/nowhere"))
    found = {plugin.name: plugin for plugin in Manager(config).available()}
    assert found["sqlite"].distribution == "telemetry-sqlite"
    assert found["sqlite"].version


def test_plugins_stand_in_the_order_of_active_and_then_those_handed_in() -> None:
    handed_in = Listener()
    made = manager("posthog", "local", plugins=(handed_in,), tables={"posthog": {"api_key": "k"}})
    assert [plugin.name for plugin in made.plugins] == ["posthog", "local", "listener"]
    assert made.plugins[2].instance is handed_in


def test_a_table_can_give_a_second_sink_of_a_kind() -> None:
    tables = {"eu": {"plugin": "local", "size": 2}, "local": {"size": 3}}
    made = manager("local", "eu", tables=tables)
    for plugin in made.plugins:
        plugin.build()
    assert [(plugin.name, plugin.destination()) for plugin in made.plugins] == [
        ("local", "local:3"),
        ("eu", "local:2"),
    ]


def test_a_table_that_nobody_reads_but_somebody_meant_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"\(posthgo\), did you mean posthog\? @ \$\.plugins"):
        manager("posthog", tables={"posthgo": {"api_key": "k"}})


def test_tables_of_plugins_that_are_not_active_wait_for_their_day() -> None:
    tables: dict[str, Any] = {
        "posthog": {"nonsense": 1},
        "of_another_machine": {},
        "x": {"plugin": []},
    }
    assert len(manager("local", tables=tables).plugins) == 1


# -- a plugin that cannot be built


def test_a_plugin_that_raises_in_construction_is_off_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = manager("broken", "listener")
    off = made.plugins[0]
    with pytest.raises(PluginError, match="OSError: no such port"):
        off.build()
    assert off.error == "the plugin 'broken' cannot be built: OSError: no such port"
    assert [hearing.name for hearing in made.listeners.on_event] == ["listener"]
    assert caplog.text.count("broken is off") == 1


def test_a_plugin_is_tried_again_when_asked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        off = manager("broken").plugins[0]
    monkeypatch.setattr(Broken, "mended", True)
    assert off.build() is off.instance
    assert off.error is None


def test_in_tests_a_plugin_that_cannot_be_built_raises() -> None:
    with pytest.raises(PluginError, match="no such port"):
        manager("broken", on_error="raise")


# -- what the user's own word keeps quiet


def test_do_not_track_removes_what_leaves_the_machine() -> None:
    made = manager("posthog", "local", variables={"DO_NOT_TRACK": "1"})
    assert [plugin.name for plugin in made.plugins] == ["local"]
    assert made.silenced == {"posthog": "DO_NOT_TRACK"}


def test_do_not_track_removes_what_is_handed_in_as_well() -> None:
    made = manager(plugins=(Posthog("k"),), variables={"DO_NOT_TRACK": "1"})
    assert made.plugins == ()


def test_a_mock_test_mode_puts_a_recorder_in_a_remotes_place() -> None:
    made = manager("posthog", "local", variables={"TELEMETRY_TEST_MODE": "mock"})
    remote, local = made.plugins
    recorder = remote.build()
    assert isinstance(recorder, MockSink)
    assert made.silenced == {"posthog": "TELEMETRY_TEST_MODE=mock"}
    assert remote.ship_batch is not None
    record = Record("r", Kind.EVENT, 1, 0, Lane.STANDARD, event())
    assert remote.ship_batch(Batch((record,))) is None
    assert list(recorder.records) == [record]
    assert isinstance(local.build(), Local)


def test_a_mock_test_mode_replaces_what_is_handed_in_as_well() -> None:
    made = manager(plugins=(Posthog("k"),), variables={"TELEMETRY_TEST_MODE": "mock"})
    assert isinstance(made.plugins[0].build(), MockSink)


def test_a_mock_says_from_the_beginning_that_it_is_one_also_in_a_child() -> None:
    made = manager("posthog", variables={"TELEMETRY_TEST_MODE": "mock"})
    for plugin in (*made.plugins, *made.rebuilt().plugins):
        assert plugin.destination() == MOCKED
        plugin.build()
        assert plugin.destination() == MOCKED


def test_a_live_test_mode_leaves_everything() -> None:
    tables = {"posthog": {"api_key": "k"}}
    made = manager("posthog", tables=tables, variables={"TELEMETRY_TEST_MODE": "live"})
    assert isinstance(made.plugins[0].build(), Posthog)
    assert made.silenced == {}


# -- a forked child


def test_a_child_has_plugins_of_its_own() -> None:
    given_instance = Local(size=7)
    parent = manager("listener", plugins=(given_instance,))
    child = parent.rebuilt()
    assert child.plugins[1].instance is None
    assert child.plugins[1].build() is not given_instance
    assert child.plugins[1].destination() == "local:7"
    assert child.listeners.on_event[0] != parent.listeners.on_event[0]
    assert parent.plugins[1].instance is given_instance


def test_a_plain_object_cannot_be_made_again_and_goes_on_hearing() -> None:
    class Plain:
        @hookimpl
        def on_event(self, event: RunEvent, run: object) -> None: ...

        @hookimpl
        def ship_batch(self, batch: Batch) -> None: ...

    plain = Plain()
    child = manager(plugins=(plain,)).rebuilt()
    assert not child.plugins[0].rebuildable
    assert child.listeners.on_event[0].call == plain.on_event
    assert manager("local", plugins=(Listener(),)).plugins[1].rebuildable


# -- the cost of a start


def test_the_usual_start_imports_no_cattrs() -> None:
    code = (
        "import sys; from telemetry_core.config import *; from telemetry_core.manager import Manager\n"
        "[plugin.build() for plugin in Manager(load_config(environ={})).plugins]\n"
        "print('cattrs' in sys.modules, 'telemetry_sqlite' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "True"]
