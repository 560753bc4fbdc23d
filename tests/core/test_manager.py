"""Which plugins are active, how each is built from its settings, and what a wrong one is told."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import suppress
from enum import StrEnum
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_core.clock import SystemClock
from telemetry_core.config import TelemetryConfig, load_config
from telemetry_core.credentials import Environment, Secret
from telemetry_core.discovery import Installed
from telemetry_core.errors import ConfigError, CredentialError, PluginError, PluginNotFoundError
from telemetry_core.hookspecs import NAME, hookimpl
from telemetry_core.manager import Manager, Recorder
from telemetry_core.models import Batch, Kind, Lane, Receipt, Record, RunEvent

if TYPE_CHECKING:
    from decimal import Decimal  # known to the type checker only, as in many a plugin

    from telemetry_core.clock import Clock


# -- plugins as their authors write them


@attrs.define(eq=False)
class Local:
    base_dir: Path | None = None
    service: str = ""
    clock: Clock | None = None
    size: int = 1

    batch_size: ClassVar[int] = 500
    max_record_bytes: ClassVar[int] = 9

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        return Receipt.all(batch)

    def destination(self) -> str:
        return f"local:{self.size}"


@attrs.define
class Retry:
    times: int = 3


@attrs.define(eq=False)
class Posthog:
    api_key: Secret
    host: str = attrs.field(
        default="eu", metadata={"env": ("POSTHOG_HOST", "PH_HOST"), "personal": True}
    )
    timeout: float = attrs.field(default=1.0, metadata={"env": ("POSTHOG_TIMEOUT",)})
    gzip: bool = attrs.field(default=True, metadata={"env": ("POSTHOG_GZIP",)})
    groups: tuple[str, ...] = attrs.field(default=(), metadata={"env": ("POSTHOG_GROUPS",)})
    mode: Literal["a", "b"] = attrs.field(default="a", metadata={"env": ("POSTHOG_MODE",)})
    folder: Path | None = attrs.field(default=None, metadata={"env": ("POSTHOG_FOLDER",)})
    token: Secret | None = attrs.field(default=None, metadata={"env": ("POSTHOG_TOKEN",)})
    retry: Retry = attrs.field(factory=Retry)
    _hidden: Decimal | None = attrs.field(init=False, default=None)

    remote: ClassVar[bool] = True

    @hookimpl
    def ship_batch(self, batch: Batch) -> None: ...


@attrs.define(eq=False)
class Listener:
    heard: list[str] = attrs.field(factory=list)

    @hookimpl
    def on_event(self, event: RunEvent) -> None:
        self.heard.append(event.event_type)


class Journal(StrEnum):
    DELETE = "delete"
    WAL = "wal"


@attrs.define(eq=False)
class Picky:
    journal: Journal = attrs.field(default=Journal.DELETE, metadata={"env": ("PICKY_JOURNAL",)})
    port: int = 1

    def __attrs_post_init__(self) -> None:
        if self.journal != Journal.DELETE:
            raise ValueError("journal must be 'delete', or processes lose rows")
        if self.port != 1:
            raise OSError(f"port {self.port} is taken")

    @hookimpl
    def ship_batch(self, batch: Batch) -> None: ...


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
CLASSES = ("Picky", "Local", "Posthog", "Listener", "Broken", "Hookless", "Misspelt", "NOT_A_CLASS")
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


def posthog(
    table: dict[str, Any] | None = None, variables: dict[str, str] | None = None, **settings: Any
) -> Posthog:
    tables = {"posthog": {"api_key": "phc", **(table or {})}}
    plugin = manager("posthog", tables=tables, variables=variables, **settings).plugins[0]
    built = plugin.build()
    assert isinstance(built, Posthog)
    return built


def problem(table: dict[str, Any], variables: dict[str, str] | None = None, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        posthog(table, variables, **settings)
    return str(caught.value)


def event(kind: str = "click") -> RunEvent:
    return RunEvent("id", kind, 0, None, None)


# -- which plugins there are


def test_an_unknown_plugin_is_told_what_is_installed_and_what_to_install() -> None:
    with pytest.raises(PluginNotFoundError) as caught:
        manager("hmac_ingest")
    assert "installed: absent, broken" in str(caught.value)
    assert "pip install telemetry-hmac-ingest" in str(caught.value)


def test_a_misspelt_plugin_is_told_the_name_that_was_meant() -> None:
    with pytest.raises(PluginNotFoundError, match="did you mean 'posthog'"):
        manager("posthgo")


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

    with pytest.raises(PluginError, match=r"greedy.*more"):
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


def test_a_destination_that_raises_is_unknown() -> None:
    class Lost(Local):
        def destination(self) -> str:
            raise OSError

    assert manager(plugins=(Lost(),)).plugins[0].destination() is None


# -- what the core takes out of a table


def test_the_core_takes_its_own_settings_out_of_a_table() -> None:
    table = {
        "only": ["pay*"],
        "except": ["x"],
        "batch_size": 7,
        "batch_bytes": 8,
        "delivery": "memory",
    }
    [plugin] = manager("local", tables={"local": table}).plugins
    assert isinstance(plugin.build(), Local)
    assert (plugin.batch_size, plugin.batch_bytes, plugin.options.delivery) == (7, 8, "memory")
    assert (plugin.options.only, plugin.options.except_) == (("pay*",), ("x",))


def test_a_plugins_own_sizes_beat_those_of_the_core() -> None:
    [plugin] = manager("local").plugins
    assert (plugin.batch_size, plugin.batch_bytes, plugin.max_record_bytes) == (500, 1_048_576, 9)
    assert manager(plugins=(Listener(),)).plugins[0].batch_size == 100


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ({"batch_size": "7"}, "batch_size"),
        ({"batch_bytes": 0}, "batch_bytes"),
        ({"only": "pay"}, "only"),
        ({"except": [1]}, "except"),
        ({"delivery": "disk"}, "delivery"),
        ({"plugin": 5}, "plugin"),
    ],
)
def test_a_wrong_setting_of_the_core_in_a_table_has_its_path(
    table: dict[str, Any], path: str
) -> None:
    with pytest.raises(ConfigError, match=rf"expected .* @ \$\.plugins\.local\.{path}$"):
        manager("local", tables={"local": table})


def test_what_is_handed_in_obeys_the_cores_settings_in_its_table() -> None:
    made = manager(plugins=(Listener(),), tables={"listener": {"batch_size": 7}})
    assert made.plugins[0].batch_size == 7


# -- how a plugin is built


def test_a_plugin_is_built_from_its_table() -> None:
    table = {
        "host": "us",
        "timeout": 2,
        "gzip": False,
        "groups": ["a"],
        "mode": "b",
        "retry": {"times": 5},
    }
    made = posthog(table)
    assert (made.api_key, made.host, made.timeout, made.gzip) == (Secret("phc"), "us", 2, False)
    assert (made.groups, made.mode, made.retry) == (("a",), "b", Retry(5))


def test_the_environment_beats_the_table_and_the_table_the_default() -> None:
    assert posthog().host == "eu"
    assert posthog({"host": "table"}).host == "table"
    assert posthog({"host": "table"}, {"PH_HOST": "older"}).host == "older"
    assert posthog({"host": "table"}, {"PH_HOST": "older", "POSTHOG_HOST": "new"}).host == "new"
    assert posthog({"host": "table"}, {"POSTHOG_HOST": ""}).host == "table"


def test_an_argument_beats_the_environment_and_the_table() -> None:
    given_instance = Posthog(Secret("k"), host="argument")
    manager(
        plugins=(given_instance,),
        variables={"POSTHOG_HOST": "x"},
        tables={"posthog": {"host": "y"}},
    )
    assert given_instance.host == "argument"


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("POSTHOG_TIMEOUT", "2.5", "timeout", 2.5),
        ("POSTHOG_GZIP", "no", "gzip", False),
        ("POSTHOG_GROUPS", "a, b", "groups", ("a", "b")),
        ("POSTHOG_MODE", "b", "mode", "b"),
        ("POSTHOG_FOLDER", "/f", "folder", Path("/f")),
        ("POSTHOG_TOKEN", "t", "token", Secret("t")),
    ],
)
def test_a_variable_becomes_what_the_field_holds(
    name: str, text: str, field: str, value: object
) -> None:
    assert getattr(posthog(variables={name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("POSTHOG_TIMEOUT", "soon", "a number, not 'soon' @ $.plugins.posthog.timeout"),
        ("POSTHOG_GZIP", "perhaps", "true or false, not 'perhaps'"),
        ("POSTHOG_MODE", "c", "one of a, b, not 'c'"),
        ("POSTHOG_FOLDER", "a\0b", "a path"),
    ],
)
def test_a_wrong_variable_of_a_plugin_is_named(name: str, text: str, words: str) -> None:
    message = problem({}, {name: text})
    assert f"{name}: expected {words}" in message


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"hots": "x"}, "extra fields found (hots), did you mean host? @ $.plugins.posthog"),
        ({"batchsize": 1}, "(batchsize), did you mean batch_size? @ $.plugins.posthog"),
        ({"hidden": 1}, "extra fields found (hidden) @ $.plugins.posthog"),
        ({"retry": {"tims": 1}}, "(tims), did you mean times? @ $.plugins.posthog.retry"),
        ({"retry": {"times": "1"}}, "a whole number, not '1' @ $.plugins.posthog.retry.times"),
        ({"host": 5}, "a text, not 5 @ $.plugins.posthog.host"),
        ({"timeout": "1"}, "a number, not '1' @ $.plugins.posthog.timeout"),
        ({"timeout": True}, "a number, not True"),
        ({"gzip": 1}, "true or false, not 1 @ $.plugins.posthog.gzip"),
        ({"groups": "abc"}, "a list, not 'abc' @ $.plugins.posthog.groups"),
        ({"groups": [1]}, "a text, not 1 @ $.plugins.posthog.groups"),
        ({"mode": "c"}, "one of a, b, not 'c' @ $.plugins.posthog.mode"),
        ({"folder": 5}, "a path, not 5 @ $.plugins.posthog.folder"),
        ({"retry": 5}, "@ $.plugins.posthog.retry"),
        ({"host": 10**5000}, "not a number beyond all measure"),
        ({"host": 1, "gzip": 2}, "; "),
    ],
)
def test_a_wrong_setting_of_a_plugin_has_its_path(table: dict[str, Any], words: str) -> None:
    assert words in problem(table)


def test_a_wrong_setting_of_a_plugin_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text('[tool.telemetry]\nactive = ["local"]\nplugins.local.sise = 5')
    config = load_config(path, environ={"TELEMETRY_BASE_DIR": str(tmp_path)})
    config.installed = Installed(INSTALLED)
    with pytest.raises(ConfigError) as caught:
        Manager(config).plugins[0].build()
    words = "extra fields found (sise), did you mean size? @ $.tool.telemetry.plugins.local"
    assert str(caught.value) == f"{path}: {words}"


def test_a_setting_that_must_be_made_is_missed() -> None:
    with pytest.raises(
        ConfigError, match=r"required field missing @ \$\.plugins\.posthog\.api_key"
    ):
        manager("posthog", tables={"posthog": {"host": "x"}}).plugins[0].build()


def test_a_setting_that_must_be_made_is_missed_without_any_table() -> None:
    with pytest.raises(
        ConfigError, match=r"required field missing @ \$\.plugins\.posthog\.api_key"
    ):
        manager("posthog").plugins[0].build()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"journal": "wal"}, "journal must be 'delete', or processes lose rows @ $.plugins.picky"),
        ({"port": 7}, "OSError: port 7 is taken @ $.plugins.picky"),
        ({"journal": "fast"}, "not a valid Journal @ $.plugins.picky.journal"),
    ],
)
def test_what_a_plugin_says_of_its_settings_is_shown_as_written(
    table: dict[str, Any], words: str
) -> None:
    [plugin] = manager("picky", tables={"picky": table}).plugins
    with pytest.raises(ConfigError) as caught:
        plugin.build()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("table", "variables"), [({"journal": "delete"}, {}), ({}, {"PICKY_JOURNAL": "delete"})]
)
def test_a_choice_becomes_a_member_of_its_enumeration(
    table: dict[str, Any], variables: dict[str, str]
) -> None:
    [plugin] = manager("picky", tables={"picky": table}, variables=variables).plugins
    built = plugin.build()
    assert isinstance(built, Picky)
    assert built.journal is Journal.DELETE


def test_a_plugin_that_takes_no_settings_says_so() -> None:
    made = manager("broken", tables={"broken": {"port": 1}})
    assert made.plugins[0].error is not None
    assert "Broken takes no settings" in made.plugins[0].error


def test_the_core_offers_what_a_field_of_that_name_wants() -> None:
    [plugin] = manager("local", service="crawler").plugins
    built = plugin.build()
    assert isinstance(built, Local)
    assert (built.base_dir, built.service) == (Path("/nowhere"), "crawler")
    assert isinstance(built.clock, SystemClock)


def test_a_table_beats_what_the_core_offers() -> None:
    [plugin] = manager("local", tables={"local": {"base_dir": "/own"}}).plugins
    built = plugin.build()
    assert isinstance(built, Local)
    assert (built.base_dir, built.service) == (Path("/own"), "default")


def test_a_path_in_a_table_is_relative_to_its_file(tmp_path: Path) -> None:
    assert posthog({"folder": "f"}, path=tmp_path / "telemetry.toml").folder == tmp_path / "f"


# -- credentials


def test_a_secret_is_resolved_when_the_plugin_is_built(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from file")
    environ = {"KEY": "from variable"}
    path = tmp_path / "telemetry.toml"
    assert posthog({"api_key": {"env": "KEY"}}, environ).api_key == Secret("from variable")
    assert posthog({"api_key": {"file": "key"}}, path=path).api_key == Secret("from file")


def test_a_missing_secret_is_told_the_table_and_the_variable(tmp_path: Path) -> None:
    with pytest.raises(CredentialError) as caught:
        posthog({"api_key": {"env": "POSTHOG_API_KEY"}}, path=tmp_path / "telemetry.toml")
    assert str(caught.value) == (
        f"{tmp_path}/telemetry.toml: the environment variable POSTHOG_API_KEY is not set; "
        "export it @ $.plugins.posthog.api_key"
    )


def test_a_built_plugin_prints_no_secret() -> None:
    [plugin] = manager("posthog", tables={"posthog": {"api_key": "hunter2"}}).plugins
    plugin.build()
    assert "hunter2" not in repr(plugin)


def test_a_found_file_never_redirects_a_credential_from_the_home(tmp_path: Path) -> None:
    found: dict[str, Any] = {"path": tmp_path / "telemetry.toml", "trusted": False}
    assert "TELEMETRY_CONFIG" not in problem({"host": "evil"}, **found)
    assert "POSTHOG_HOST or PH_HOST @ $.plugins.posthog.host" in problem({"host": "evil"}, **found)
    assert posthog({}, {"POSTHOG_HOST": "mine"}, **found).host == "mine"
    assert posthog({"timeout": 5}, **found).timeout == 5


def test_a_found_file_reads_no_secret_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("hunter2")
    found: dict[str, Any] = {"path": tmp_path / "project" / "telemetry.toml", "trusted": False}
    with pytest.raises(CredentialError, match="TELEMETRY_CONFIG"):
        posthog({"api_key": {"file": "../home"}}, **found)


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
    made = manager(plugins=(Posthog(Secret("k")),), variables={"DO_NOT_TRACK": "1"})
    assert made.plugins == ()


def test_a_mock_test_mode_puts_a_recorder_in_a_remotes_place() -> None:
    made = manager("posthog", "local", variables={"TELEMETRY_TEST_MODE": "mock"})
    remote, local = made.plugins
    recorder = remote.build()
    assert isinstance(recorder, Recorder)
    assert made.silenced == {"posthog": "TELEMETRY_TEST_MODE=mock"}
    assert remote.ship_batch is not None
    record = Record("r", Kind.EVENT, 1, 0, Lane.STANDARD, event())
    assert remote.ship_batch(Batch((record,))) is None
    assert list(recorder.records) == [record]
    assert isinstance(local.build(), Local)


def test_a_mock_test_mode_replaces_what_is_handed_in_as_well() -> None:
    made = manager(plugins=(Posthog(Secret("k")),), variables={"TELEMETRY_TEST_MODE": "mock"})
    assert isinstance(made.plugins[0].build(), Recorder)


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


# -- any table builds the plugin or says what is wrong

hostile = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["a", "spool", {"env": "KEY"}, {"file": "/etc/hostname"}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
names = st.sampled_from(["api_key", "host", "timeout", "gzip", "groups", "mode", "folder", "token"])
ours = st.sampled_from(["retry", "only", "except", "batch_size", "delivery", "plugin", "x"])


@given(st.dictionaries(names | ours, hostile))
def test_any_table_builds_the_plugin_or_is_an_error_of_ours(table: dict[str, Any]) -> None:
    with suppress(ConfigError, CredentialError):
        made = manager("posthog", tables={"posthog": {**table, "plugin": "posthog"}})
        assert isinstance(made.plugins[0].build(), Posthog)
