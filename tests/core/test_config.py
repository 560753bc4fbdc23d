"""Who has the say in a configuration, and what each kind of wrong one is told."""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_core.config import DeliverySettings, TelemetryConfig, load_config
from telemetry_core.credentials import Environment
from telemetry_core.discovery import Installed
from telemetry_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become someone else"
)
NOBODY = 65534


def write(folder: Path, text: str, name: str = "telemetry.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def near(folder: Path, **environ: str) -> TelemetryConfig:
    return load_config(search_from=folder, environ=environ)


def refusal(path: Path | None = None, /, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ=environ)
    return str(caught.value)


def by_hand(variables: dict[str, str] | None = None, /, **settings: Any) -> TelemetryConfig:
    return TelemetryConfig(environ=Environment(variables or {}), **settings)


def with_plugins(*names: str, **environ: str) -> tuple[str, ...]:
    points = [EntryPoint(name, f"nowhere_{name}:Sink", "telemetry_core") for name in names]
    return by_hand(environ, installed=Installed(points), base_dir="b").active


# -- which file speaks


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    config = near(tmp_path)
    assert (config.service, config.path, config.on_error) == ("default", None, "log")
    assert config.delivery == DeliverySettings()
    assert config.base_dir.is_absolute()


def test_the_figures_of_the_contract_are_the_defaults() -> None:
    assert attrs.asdict(DeliverySettings()) == {
        "durability": "process",
        "batch_size": 100,
        "batch_bytes": 1_048_576,
        "linger": 0.1,
        "max_bytes": 268_435_456,
        "max_age_days": 14,
        "exit_timeout": 2.0,
        "critical": (),
    }


def test_the_nearest_file_wins_whole(tmp_path: Path) -> None:
    write(tmp_path, 'service = "far"\non_error = "raise"')
    nearer = write(tmp_path / "a", 'service = "near"')
    config = near(tmp_path / "a" / "b")
    assert (config.service, config.on_error, config.path) == ("near", "log", nearer)


def test_a_file_of_our_own_beats_the_project_file_beside_it(tmp_path: Path) -> None:
    write(tmp_path, '[tool.telemetry]\nservice = "project"', "pyproject.toml")
    assert near(tmp_path).service == "project"
    write(tmp_path, 'service = "own"')
    assert near(tmp_path).service == "own"


@pytest.mark.parametrize(
    "text",
    ["", "[project]", 'dependencies = ["telemetry-core"]', "tool = 5 # telemetry", "[tool.x"],
)
def test_a_project_file_without_our_table_is_passed_by(tmp_path: Path, text: str) -> None:
    write(tmp_path, 'service = "above"')
    write(tmp_path / "a", text, "pyproject.toml")
    assert near(tmp_path / "a").service == "above"


def test_a_folder_named_like_our_file_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "telemetry.toml").mkdir()
    assert near(tmp_path).path is None


def test_nothing_is_searched_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 'service = "here"')
    monkeypatch.chdir(tmp_path)
    assert load_config(environ={}).service == TelemetryConfig.from_env().service == "default"
    assert load_config(environ={}, search_from=".").service == "here"


def test_the_variable_beats_the_search_and_the_argument_beats_the_variable(tmp_path: Path) -> None:
    write(tmp_path, 'service = "near"')
    named = write(tmp_path / "x", 'service = "named"', "own.toml")
    given_path = write(tmp_path / "x", 'service = "given"', "given.toml")
    environ = {"TELEMETRY_CONFIG": str(named)}
    assert near(tmp_path, **environ).service == "named"
    assert load_config(given_path, environ=environ).service == "given"


def test_from_env_reads_the_file_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_CONFIG", str(write(tmp_path, 'service = "named"')))
    monkeypatch.setenv("TELEMETRY_LINGER", "2")
    config = TelemetryConfig.from_env()
    assert (config.service, config.delivery.linger) == ("named", 2.0)


def test_a_removed_working_directory_holds_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert load_config(environ={}, search_from=".").path is None
    assert "TELEMETRY_BASE_DIR" in refusal(TELEMETRY_BASE_DIR="relative")
    with pytest.raises(ConfigError, match="base_dir: store is relative to nothing"):
        by_hand(base_dir="store")


@pytest.mark.parametrize(
    "name", ["absent.toml", "folder", "a\0b", "x" * 5000, "absent/pyproject.toml"]
)
def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert name in refusal(tmp_path / name).replace("\\x00", "\0")


def test_a_named_project_file_without_our_table_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "[project]", "pyproject.toml")
    assert "no table [tool.telemetry]" in refusal(path)


def test_only_a_file_that_was_named_is_trusted(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    assert load_config(path, environ={}).trusted
    assert near(tmp_path, TELEMETRY_CONFIG=str(path)).trusted
    assert not near(tmp_path).trusted
    assert by_hand().trusted


# -- whose file it is


@contextmanager
def as_user(user: int) -> Iterator[None]:
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@root_only
def test_a_file_of_another_user_is_refused(public_folder: Path) -> None:
    path = write(public_folder, "")
    os.chown(path, 4321, -1)
    assert "belongs to user 4321, and you are user 0" in refusal(path)
    with pytest.raises(ConfigError, match="chown 0"):
        near(public_folder)


@root_only
def test_a_project_of_another_user_that_is_silent_about_us_is_passed_by(
    public_folder: Path,
) -> None:
    path = write(public_folder, 'dependencies = ["telemetry-core"]', "pyproject.toml")
    os.chown(path, 4321, -1)
    assert near(public_folder).path is None


@root_only
def test_everyone_accepts_what_belongs_to_root(public_folder: Path) -> None:
    path = write(public_folder, 'service = "x"')
    with as_user(NOBODY):
        assert load_config(path, environ={}).service == "x"


@root_only
def test_a_file_that_may_not_be_read_is_named(public_folder: Path) -> None:
    path = write(public_folder, "")
    path.chmod(0o600)
    with as_user(NOBODY):
        assert f"{path}: it cannot be read" in refusal(path)


# -- what a file says


def test_a_file_sets_everything(tmp_path: Path) -> None:
    config = load_config(
        write(
            tmp_path,
            """
            service = "crawler"
            active = ["posthog", "sqlite"]
            base_dir = ".telemetry"
            on_error = "raise"
            [delivery]
            durability = "always"
            batch_size = 1
            batch_bytes = 2
            linger = 3
            max_bytes = 4
            max_age_days = 0.5
            exit_timeout = 6.5
            critical = ["pay*"]
            [privacy]
            redact = ["*token*"]
            [plugins.posthog]
            api_key = { env = "KEY" }
            """,
        ),
        environ={},
    )
    assert (config.service, config.active, config.on_error) == (
        "crawler",
        ("posthog", "sqlite"),
        "raise",
    )
    assert config.delivery == DeliverySettings(
        durability="always",
        batch_size=1,
        batch_bytes=2,
        linger=3,
        max_bytes=4,
        max_age_days=0.5,
        exit_timeout=6.5,
        critical=("pay*",),
    )
    assert config.privacy.redact == ("*token*",)
    assert config.plugins == {"posthog": {"api_key": {"env": "KEY"}}}


def test_the_base_directory_is_relative_to_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a", 'base_dir = ".telemetry"')
    monkeypatch.chdir(tmp_path)
    assert load_config("a/telemetry.toml", environ={}).base_dir == path.parent / ".telemetry"


def test_a_home_in_the_base_directory_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = write(tmp_path, 'base_dir = "~/t"')
    assert load_config(path, environ={}).base_dir == tmp_path / "home" / "t"


def test_a_file_that_names_no_base_directory_leaves_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert near(tmp_path).base_dir == tmp_path / "state" / "telemetry"
    assert load_config(write(tmp_path, ""), environ={}).base_dir == tmp_path / "state" / "telemetry"


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, '\ufeffservice = "x"'), environ={}).service == "x"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = 1\nb = = 2", "line 2"),
        ("x = " + "[" * 5000, "more than TOML may hold"),
        ("batch = " + "9" * 5000, "more than TOML may hold"),
        ("servise = 'x'", "extra fields found (servise), did you mean service? @ $"),
        ("delivry = {}", "extra fields found (delivry), did you mean delivery? @ $"),
        ("qqq = 1", "extra fields found (qqq) @ $"),
        ("[delivery]\nbatchsize = 5", "(batchsize), did you mean batch_size? @ $.delivery"),
        ("[privacy]\nredakt = []", "(redakt), did you mean redact? @ $.privacy"),
        (
            "[delivery]\nbatch_size = '5'",
            "a whole number of at least 1, not '5' @ $.delivery.batch_size",
        ),
        ("[delivery]\nbatch_size = true", "not True @ $.delivery.batch_size"),
        ("[delivery]\nbatch_size = 0", "not 0 @ $.delivery.batch_size"),
        ("[delivery]\nbatch_size = 0x" + "f" * 9999, "beyond all measure @ $.delivery.batch_size"),
        ("[delivery]\nlinger = nan", "a number from 0 to 3600, not nan @ $.delivery.linger"),
        ("[delivery]\nexit_timeout = inf", "not inf @ $.delivery.exit_timeout"),
        ("[delivery]\nmax_age_days = -1", "not -1 @ $.delivery.max_age_days"),
        ("[delivery]\ndurability = 'fsync'", "one of process, interval, always, not 'fsync'"),
        ("[delivery]\ncritical = 'pay'", "a list of texts, not 'pay' @ $.delivery.critical"),
        ("delivery = 5", "expected a table, not 5 @ $.delivery"),
        ("plugins = []", "expected a table, not [] @ $.plugins"),
        ("plugins.x = 5", "expected a table, not 5 @ $.plugins.x"),
        ("on_error = 1979-05-27", "one of log, raise, not datetime.date"),
        ("service = ''", "@ $.service"),
        ("service = 'a\\u0000b'".replace("'", '"'), "@ $.service"),
        ("base_dir = ''", "expected a path, not '' @ $.base_dir"),
        ('base_dir = "a\\u0000"', "expected a path"),
        (
            "active = 'sqlite'",
            "a list of plugin names, none of them twice, not 'sqlite' @ $.active",
        ),
        ("active = ['../x']", "@ $.active"),
        ("active = ['a', 'A']", "@ $.active"),
    ],
)
def test_a_wrong_file_is_told_its_name_and_the_path_in_it(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = write(tmp_path, text)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert problem in message
    assert len(message) < 400 + len(str(path))


def test_a_wrong_project_file_is_told_the_path_from_its_root(tmp_path: Path) -> None:
    path = write(tmp_path, "[tool.telemetry.delivery]\nlingr = 1", "pyproject.toml")
    assert "(lingr), did you mean linger? @ $.tool.telemetry.delivery" in refusal(path)
    write(tmp_path, "[tool]\ntelemetry = 5", "pyproject.toml")
    assert "expected a table @ $.tool.telemetry" in refusal(path)


def test_a_file_that_is_not_utf8_is_told_the_line(tmp_path: Path) -> None:
    (tmp_path / "telemetry.toml").write_bytes(b"a = 1\nb = '\xff'")
    assert "line 2 is not UTF-8" in refusal(tmp_path / "telemetry.toml")


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
    ok, errors = by_hand(active=["hmac_ingest", "sqlit"]).validate()
    assert not ok
    assert "installed: " in errors[0]
    assert "pip install telemetry-hmac-ingest" in errors[0]
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


# -- any file gives a configuration or a ConfigError

values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["sqlite", "ndjson", "always", "raise", "../x", "10", "mock", "~", "~x/y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner),
    max_leaves=6,
)
keys = st.sampled_from(
    [
        *(attribute.name for attribute in attrs.fields(TelemetryConfig)),
        *(attribute.name for attribute in attrs.fields(DeliverySettings)),
        *("redact", "sqlite", "plugin", "only", "except"),
    ]
)
tables = st.dictionaries(
    keys, values | st.dictionaries(keys, values | st.dictionaries(keys, values))
)


def toml(value: object) -> str:
    match value:
        case None:
            return "1979-05-27T07:32:00Z"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(value[key])}" for key in value) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case float():
            return repr(value)
    return json.dumps(value)


def tried(data: bytes, **environ: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "telemetry.toml"
        path.write_bytes(data)
        with suppress(ConfigError):
            config = load_config(path, environ=environ)
            assert config.base_dir.is_absolute()
            assert config.validate() is not None


@given(tables)
def test_any_table_gives_a_configuration_or_a_config_error(table: dict[str, Any]) -> None:
    tried("\n".join(f"{json.dumps(key)} = {toml(table[key])}" for key in table).encode())


@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "ignore"))
)
def test_any_bytes_give_a_configuration_or_a_config_error(data: bytes) -> None:
    tried(data)


@given(st.dictionaries(keys, st.text(st.characters(exclude_characters="\0"))))
def test_any_environment_gives_a_configuration_or_a_config_error(texts: dict[str, str]) -> None:
    tried(b"", **{f"TELEMETRY_{name.upper()}": text for name, text in texts.items()})
