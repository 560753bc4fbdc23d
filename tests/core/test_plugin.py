"""How a plugin is named, which hooks it may have, and how each is bound."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import attrs
import pytest

from telemetry_core.config import DeliverySettings, TelemetryConfig
from telemetry_core.credentials import Environment
from telemetry_core.discovery import Installed
from telemetry_core.errors import ConfigError, PluginError
from telemetry_core.hookspecs import NAME, hookimpl
from telemetry_core.manager import Manager
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
class Listener:
    heard: list[str] = attrs.field(factory=list)

    @hookimpl
    def on_event(self, event: RunEvent) -> None:
        self.heard.append(event.event_type)


class Hookless: ...


class Misspelt:
    @hookimpl
    def on_evnt(self, event: RunEvent) -> None: ...


CLASSES = ("Local", "Listener", "Hookless", "Misspelt")
INSTALLED = [EntryPoint(name.lower(), f"{__name__}:{name}", NAME) for name in CLASSES]


def manager(*active: str, plugins: tuple[object, ...] = ()) -> Manager:
    config = TelemetryConfig(
        active=active,
        base_dir=Path("/nowhere"),
        environ=Environment({}),
        installed=Installed(INSTALLED),
    )
    return Manager(config, plugins)


def event(kind: str = "click") -> RunEvent:
    return RunEvent("id", kind, 0, None, None)


# -- how a plugin is named


class PrintSink(Listener): ...


class HTTPSink2Go(Listener): ...


class Named(Listener):
    name = "given"


@pytest.mark.parametrize(
    ("plugin", "name"),
    [(PrintSink(), "print_sink"), (HTTPSink2Go(), "http_sink2_go"), (Named(), "given")],
)
def test_what_is_handed_in_is_named_by_itself_or_its_class(plugin: object, name: str) -> None:
    assert manager(plugins=(plugin,)).plugins[0].name == name


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".", "x" * 65, "a b"])
def test_a_name_that_no_file_can_bear_is_refused(name: str) -> None:
    plugin = Named()
    vars(plugin)["name"] = name
    with pytest.raises(PluginError, match="cannot be named"):
        manager(plugins=(plugin,))


def test_two_plugins_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two plugins are named 'listener'"):
        manager("listener", plugins=(Listener(),))


# -- the rules of hooks


def wrapping(**wish: bool) -> object:
    class Wishful:
        @hookimpl(**wish)  # type: ignore[call-overload, untyped-decorator, unused-ignore]
        def on_event(self, event: RunEvent) -> Any:
            yield

    return Wishful()


def hurried(**wish: bool) -> object:
    class Hurried:
        @hookimpl(**wish)  # type: ignore[call-overload, untyped-decorator, unused-ignore]
        def on_event(self, event: RunEvent) -> None: ...

    return Hurried()


@pytest.mark.parametrize(
    ("plugin", "wish"),
    [
        (wrapping(wrapper=True), "wrapper"),
        (wrapping(hookwrapper=True), "hookwrapper"),
        (hurried(tryfirst=True), "tryfirst"),
        (hurried(trylast=True), "trylast"),
    ],
)
def test_a_hook_that_wants_to_be_around_or_before_others_is_refused(
    plugin: object, wish: str
) -> None:
    with pytest.raises(PluginError, match=f"on_event asks for {wish}, but each plugin is called"):
        manager(plugins=(plugin,))


def test_a_misspelt_hook_is_an_error_that_knows_what_was_meant() -> None:
    with pytest.raises(PluginError, match=r"no hook 'on_evnt'; did you mean on_event\?"):
        manager(plugins=(Misspelt(),))
    with pytest.raises(PluginError, match="on_evnt"):
        manager("misspelt")


def test_a_hook_that_asks_for_too_much_is_an_error() -> None:
    class Greedy:
        @hookimpl
        def on_event(self, event: RunEvent, more: object) -> None: ...

    words = "its on_event asks for more, but the hook gives event and run"
    with pytest.raises(PluginError, match=f"greedy.*{words}"):
        manager(plugins=(Greedy(),))


@pytest.mark.parametrize(
    ("plugin", "words"), [(None, "is an object"), (Listener, "is an object"), (5, "has no hook")]
)
def test_what_is_no_plugin_is_refused(plugin: object, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        manager(plugins=(plugin,))


def test_an_installed_class_without_a_hook_is_refused() -> None:
    with pytest.raises(PluginError, match="has no hook"):
        manager("hookless")


# -- who hears what


def test_a_listener_that_asks_for_less_is_given_less() -> None:
    listener = Listener()
    made = manager(plugins=(listener,))
    [hearing] = made.listeners.on_event
    hearing.call(event(), None)
    assert (hearing.name, listener.heard) == ("listener", ["click"])
    assert made.listeners.on_start_run == made.listeners.on_end_run == ()


def test_a_listener_gets_its_arguments_by_name_in_whatever_order() -> None:
    class Turned:
        @hookimpl
        def on_event(self, run: object, event: RunEvent) -> object:
            return run, event

    moment = event()
    [hearing] = manager(plugins=(Turned(),)).listeners.on_event
    assert hearing.call(moment, None) == (None, moment)


def test_a_listener_that_asks_for_all_is_called_without_a_detour() -> None:
    class Whole:
        @hookimpl
        def on_event(self, event: RunEvent, run: object) -> None: ...

    listener = Whole()
    assert manager(plugins=(listener,)).listeners.on_event[0].call == listener.on_event


def test_a_module_can_listen() -> None:
    import types

    module = types.ModuleType("my.listening")
    module.on_event = hookimpl(lambda event: event.event_type)  # type: ignore[attr-defined]
    [hearing] = manager(plugins=(module,)).listeners.on_event
    assert (hearing.name, hearing.call(event(), None)) == ("listening", "click")


def test_a_plain_sink_is_built_by_whoever_drives_it() -> None:
    [plugin] = manager("local").plugins
    assert (plugin.ships, plugin.listens, plugin.instance, plugin.ship_batch) == (
        True,
        False,
        None,
        None,
    )
    assert plugin.destination() is None
    built = plugin.build()
    assert plugin.build() is plugin.instance is built
    assert plugin.ship_batch is not None
    batch = Batch((Record("r", Kind.EVENT, 1, 0, Lane.STANDARD, event()),))
    assert plugin.ship_batch(batch) == Receipt.all(batch)


def test_what_listens_is_built_at_once() -> None:
    assert isinstance(manager("listener").plugins[0].instance, Listener)


def test_what_a_plugin_does_not_offer_is_nothing() -> None:
    [plugin] = manager("local").plugins
    plugin.build()
    assert (plugin.check_health, plugin.close, plugin.stats, plugin.runs_store) == (None,) * 4


@attrs.define(eq=False)
class Choosy(Local):
    only = ("end_run",)
    linger = 1.0


@pytest.mark.parametrize(("table", "wanted"), [({}, ("end_run",)), ({"only": ["runs"]}, ("runs",))])
def test_what_it_wants_is_its_own_word_unless_its_table_has_one(
    table: dict[str, Any], wanted: tuple[str, ...]
) -> None:
    config = TelemetryConfig(active=(), plugins={"choosy": table}, environ=Environment({}))
    assert Manager(config, (Choosy(),)).plugins[0].only == wanted


@pytest.mark.parametrize(("core", "waits"), [(0.1, 1.0), (3.0, 3.0)])
def test_its_batches_fill_as_long_as_it_or_the_core_wants(core: float, waits: float) -> None:
    config = TelemetryConfig(active=(), delivery=DeliverySettings(linger=core))
    plugins = Manager(config, (Choosy(), Local())).plugins
    assert [plugin.linger for plugin in plugins] == [waits, core]


def test_what_it_says_of_itself_in_another_type_is_not_heard() -> None:
    class Odd(Local):
        linger = "long"

        def only(self) -> None: ...

    [plugin] = manager(plugins=(Odd(),)).plugins
    assert (plugin.only, plugin.linger) == ((), 0.1)


def test_a_destination_that_raises_is_unknown() -> None:
    class Lost(Local):
        def destination(self) -> str:
            raise OSError

    assert manager(plugins=(Lost(),)).plugins[0].destination() is None
