"""How a plugin is built from table, environment and core, and what a wrong setting is told."""

from __future__ import annotations

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
from telemetry_core.errors import ConfigError, CredentialError
from telemetry_core.hookspecs import NAME, hookimpl
from telemetry_core.manager import Manager
from telemetry_core.records import Batch, Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping
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


@attrs.define(eq=False)
class Cached(Local):
    rate: Decimal | None = None
    known: ClassVar[Mapping[str, int]] = {}
    _waiting: Mapping[str, list[Decimal]] = attrs.field(init=False, factory=dict)


class Bare:
    @hookimpl
    def ship_batch(self, batch: Batch) -> None: ...


CLASSES = ("Picky", "Local", "Posthog", "Bare", "Cached", "Asking")
INSTALLED = [EntryPoint(name.lower(), f"{__name__}:{name}", NAME) for name in CLASSES]


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
        installed=Installed(INSTALLED),
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


# -- what the core takes out of a table


def test_the_core_takes_its_own_settings_out_of_a_table() -> None:
    table = {
        "only": ["pay*"],
        "except": ["x"],
        "batch_size": 7,
        "batch_bytes": 8,
        "delivery": "memory",
        "queue_size": 9,
    }
    [plugin] = manager("local", tables={"local": table}).plugins
    assert isinstance(plugin.build(), Local)
    assert (plugin.batch_size, plugin.batch_bytes, plugin.options.delivery) == (7, 8, "memory")
    assert plugin.options.queue_size == 9
    assert (plugin.options.only, plugin.options.except_) == (("pay*",), ("x",))


def test_a_plugins_own_sizes_beat_those_of_the_core() -> None:
    [plugin] = manager("local").plugins
    assert (plugin.batch_size, plugin.batch_bytes, plugin.max_record_bytes) == (500, 1_048_576, 9)
    assert manager(plugins=(Bare(),)).plugins[0].batch_size == 100


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
    (local,) = manager("local", tables={"local": table}).plugins
    with pytest.raises(ConfigError, match=rf"expected .* @ \$\.plugins\.local\.{path}$"):
        local.build()


def test_what_is_handed_in_obeys_the_cores_settings_in_its_table() -> None:
    made = manager(plugins=(Bare(),), tables={"bare": {"batch_size": 7}})
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
        ({"hidden": 1}, "extra fields found (hidden), there are "),
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
    [plugin] = manager("bare", tables={"bare": {"port": 1}}).plugins
    with pytest.raises(ConfigError, match=r"Bare takes no settings.* @ \$\.plugins\.bare"):
        plugin.build()


def test_the_core_offers_what_a_field_of_that_name_wants() -> None:
    [plugin] = manager("local", service="crawler").plugins
    built = plugin.build()
    assert isinstance(built, Local)
    assert (built.base_dir, built.service) == (Path("/nowhere"), "crawler")
    assert isinstance(built.clock, SystemClock)


@attrs.define(eq=False)
class Asking(Local):
    find_store: Any = None

    def runs_store(self) -> str:
        return "a store"


def test_the_core_offers_a_way_to_the_store_of_runs() -> None:
    [_, plugin] = manager("local", "asking").plugins
    built = plugin.build()
    assert isinstance(built, Asking)
    assert built.find_store() == "a store"


def test_a_table_beats_what_the_core_offers() -> None:
    [plugin] = manager("local", tables={"local": {"base_dir": "/own"}}).plugins
    built = plugin.build()
    assert isinstance(built, Local)
    assert (built.base_dir, built.service) == (Path("/own"), "default")


def test_a_type_that_only_a_checker_imports_may_be_anything() -> None:
    plugin = manager("cached", tables={"cached": {"size": 2, "rate": 0.5}}).plugins[0]
    built = plugin.build()
    assert isinstance(built, Cached)
    assert (built.size, str(built.rate)) == (2, "0.5")


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
