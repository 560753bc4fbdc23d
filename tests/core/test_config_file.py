"""Which file speaks for a program, whose it must be, and what a wrong one is told."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from telemetry_core.config import DeliverySettings, TelemetryConfig, load_config
from telemetry_core.errors import ConfigError
from tests.core.settings_files import NOBODY, by_hand, refusal, root_only, write

if TYPE_CHECKING:
    from collections.abc import Iterator


def near(folder: Path, **environ: str) -> TelemetryConfig:
    return load_config(search_from=folder, environ=environ)


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
        ("qqq = 1", "(qqq), there are service, active, base_dir, on_error, delivery"),
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
