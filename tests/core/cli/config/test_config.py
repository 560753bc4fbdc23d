"""`config` shows what is in force and who said so, and changes one line of the file, or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from telemetry_core import load_config
from telemetry_core.config import TelemetryConfig
from telemetry_core.settings import keys_of

FILE = Path("telemetry.toml")
TELEMETRY = "from telemetry_core.cli import main; main()"
root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become someone else"
)


def _shown(ask: Any) -> dict[str, Any]:
    return {setting["key"]: setting for setting in ask("config", "show")["settings"]}


def _set(call: Any, *args: str) -> None:
    done = call("config", "set", *args)
    assert done.exit_code == 0, done.stderr


def _refused(call: Any, *args: str) -> str:
    before = FILE.read_bytes() if FILE.exists() else None
    refused = call("config", "set", *args)
    assert refused.exit_code == 2
    assert (FILE.read_bytes() if FILE.exists() else None) == before
    assert len(refused.stderr.splitlines()) == 1
    return str(refused.stderr)


# -- show and get


def test_each_setting_says_who_has_the_say(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text('service = "crawler"\n[delivery]\nlinger = 3\nbatch_size = 7\n')
    monkeypatch.setenv("TELEMETRY_LINGER", "5")
    shown = _shown(ask)
    assert (shown["service"]["value"], shown["service"]["where"]) == (
        "crawler",
        f"{FILE.absolute()}:1",
    )
    assert (shown["delivery.linger"]["value"], shown["delivery.linger"]["where"]) == (
        5,
        "TELEMETRY_LINGER",
    )
    assert (shown["delivery.batch_size"]["source"], shown["on_error"]["source"]) == (
        "file",
        "default",
    )
    assert keys_of(TelemetryConfig).keys() <= shown.keys()


def test_the_settings_of_plugins_are_shown_with_their_tables(ask: Any, call: Any) -> None:
    FILE.write_text(
        "active = ['sqlite']\n[plugins.sqlite]\ndb_path = 'a'\nonly = ['x']\n[plugins.gone]\nb = 1\n"
    )
    shown = _shown(ask)
    assert (shown["plugins.sqlite.db_path"]["value"], shown["plugins.sqlite.only"]["value"]) == (
        "a",
        ["x"],
    )
    assert shown["plugins.gone.b"]["where"] == f"{FILE.absolute()}:6"
    assert "telemetry.toml:3" in call("config", "show").stdout


def test_no_secret_is_shown(call: Any) -> None:
    FILE.write_text(
        "[plugins.gone]\napi_key = 'HIDE'\nurl = 'https://me:HIDE@host/'\ntoken = { env = 'SAY' }\n"
        "[plugins.gone.headers]\nAuthorization = 'HIDE'\n"
    )
    for args in (["show"], ["show", "--json"], ["get", "plugins.gone.api_key"]):
        assert "HIDE" not in call("config", *args).output
    assert '{ env = "SAY" }' in call("config", "show").stdout


def test_what_records_are_to_hide_hides_no_setting_of_the_core(call: Any) -> None:
    FILE.write_text("active = ['ndjson']\n[privacy]\nredact = ['*a*']\n")
    assert call("config", "get", "active").stdout == '["ndjson"]\n'
    assert call("config", "get", "privacy.redact").stdout == '["*a*"]\n'


@pytest.mark.parametrize(
    ("key", "printed"),
    [
        ("service", "crawler"),
        ("delivery.linger", "0.1"),
        ("active", '["sqlite", "ndjson"]'),
        ("plugins.ndjson.directory", ""),
    ],
)
def test_get_prints_a_value_alone(call: Any, key: str, printed: str) -> None:
    FILE.write_text('service = "crawler"\n')
    assert call("config", "get", key).stdout == f"{printed}\n"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("delivery.lingr", "did you mean delivery.linger?"),
        ("linger", "did you mean delivery.linger?"),
        ("plugins.sqlite.db_pth", "did you mean plugins.sqlite.db_path?"),
        ("plugins.sqlit.db_path", "did you mean 'sqlite'?"),
        ("plugins.snowplow.host", "pip install telemetry-snowplow"),
        ("plugins.sqlite", "plugins.NAME.KEY"),
        ("delivery", "it is a table of delivery.durability"),
        ("a b", "is no key"),
        ("", "is no key"),
    ],
)
@pytest.mark.parametrize("command", [["get"], ["set"]])
def test_an_unknown_key_says_what_was_perhaps_meant(
    call: Any, command: list[str], key: str, meant: str
) -> None:
    FILE.write_text("")
    refused = call("config", *command, key, *(["1"] if command == ["set"] else []))
    assert refused.exit_code == 2
    assert meant in refused.stderr


# -- set


@pytest.mark.parametrize(
    ("key", "text", "line"),
    [
        ("service", "my crawler", 'service = "my crawler"'),
        ("service", "5", 'service = "5"'),
        ("service", '"quoted"', 'service = "quoted"'),
        ("base_dir", "../there", 'base_dir = "../there"'),
        ("active", "sqlite, ndjson", 'active = ["sqlite", "ndjson"]'),
        ("active", '["sqlite"]', 'active = ["sqlite"]'),
        ("on_error", "raise", 'on_error = "raise"'),
        ("delivery.linger", "2", "linger = 2"),
        ("delivery.linger", "0.5", "linger = 0.5"),
        ("delivery.max_bytes", "1_000", "max_bytes = 1000"),
        ("plugins.sqlite.db_path", "5", 'db_path = "5"'),
        ("plugins.ndjson.retention_days", "5", "retention_days = 5"),
        ("plugins.ndjson.only", "runs,x_*", 'only = ["runs", "x_*"]'),
        ("plugins.second.plugin", "sqlite", 'plugin = "sqlite"'),
    ],
)
def test_a_value_is_written_as_its_type(call: Any, key: str, text: str, line: str) -> None:
    FILE.write_text("# mine\n")
    _set(call, key, text)
    assert line in FILE.read_text().splitlines()
    assert FILE.read_text().startswith("# mine\n")


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("delivery.linger", "x", "delivery.linger: expected a number from 0 to 3600, not 'x'"),
        (
            "delivery.linger",
            "9e9",
            "delivery.linger: expected a number from 0 to 3600, not 9000000000.0",
        ),
        ("delivery.batch_size", "1.5", "delivery.batch_size: expected a whole number"),
        ("delivery.durability", "never", "expected one of process, interval, always, not 'never'"),
        ("active", "sqlite,sqlite", "none of them twice"),
        ("plugins.sqlite.batch_size", "many", "plugins.sqlite.batch_size: expected a whole number"),
        (
            "plugins.ndjson.retention_days",
            "soon",
            "retention_days: expected a whole number, not 'soon'",
        ),
        ("plugins.ndjson.retention_days", "0", "must be >= 1"),
        ("service", "a\nb", "service: expected one line"),
        (
            "plugins.sqlite.db_path",
            "\udcff",
            "plugins.sqlite.db_path: the value is not text in UTF-8",
        ),
        ("delivery.max_bytes", "1" * 5000, "expected a whole number"),
        ("active", "[" * 5000, "expected a list of plugin names"),
    ],
)
def test_a_wrong_value_is_said_and_nothing_is_written(
    call: Any, key: str, text: str, problem: str
) -> None:
    FILE.write_text("# mine\n")
    assert problem in _refused(call, key, text)


def test_nothing_is_written_into_a_file_that_stays_wrong(call: Any) -> None:
    FILE.write_text("[delivery]\nlinger = 'x'\n")
    assert "expected a number" in _refused(call, "service", "crawler")
    _set(call, "delivery.linger", "1")
    assert load_config(FILE).delivery.linger == 1


def test_a_setting_that_nobody_reads_can_be_taken_out(call: Any) -> None:
    FILE.write_text("lingr = 1\nservice = 'x'\n")
    _set(call, "lingr", "--unset")
    assert FILE.read_text() == "service = 'x'\n"


def test_what_is_not_set_is_no_error_to_unset(call: Any, ask: Any) -> None:
    FILE.write_text("service = 'x'\n")
    assert ask("config", "set", "service", "--unset")["changed"] is True
    assert ask("config", "set", "service", "--unset")["changed"] is False
    assert "did you mean service?" in _refused(call, "servic", "--unset")


def test_a_variable_that_wins_is_said(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text("")
    monkeypatch.setenv("TELEMETRY_SERVICE", "other")
    done = call("config", "set", "service", "mine")
    assert done.stdout == f'service = "mine" in {FILE.absolute()}\n'
    assert "TELEMETRY_SERVICE is set here and wins" in done.stderr


def test_a_sink_that_is_not_installed_is_written_and_said(call: Any) -> None:
    FILE.write_text("")
    assert "pip install telemetry-snowplow" in call("config", "set", "active", "snowplow").stderr
    assert FILE.read_text() == 'active = ["snowplow"]\n'


def test_either_a_value_or_unset(call: Any) -> None:
    FILE.write_text("")
    for args in (["service"], ["service", "x", "--unset"]):
        assert call("config", "set", *args).exit_code == 2
    assert FILE.read_text() == ""


# -- secrets


FAR = """
import attrs
from telemetry_core import Receipt, Secret, hookimpl

@attrs.define(eq=False)
class Far:
    key: Secret = attrs.field(metadata={"env": ("FAR_KEY",)})
    host: str = attrs.field(default="there", metadata={"personal": True})
    remote = True

    @hookimpl
    def ship_batch(self, batch):
        return Receipt.all(batch)
"""


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a sink that needs a key, in the working directory, and make it active."""
    Path("far_away.py").write_text(FAR)
    info = Path("far_away-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Name: far-away\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[telemetry_core]\nfar = far_away:Far\n")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    FILE.write_text("active = ['far']\n")


@pytest.mark.usefixtures("far")
def test_a_secret_that_is_set_is_not_said(call: Any) -> None:
    done = call("config", "set", "plugins.far.key", "HIDE")
    assert (done.exit_code, "HIDE" in done.output) == (0, False)
    assert '{ env = "NAME" } keeps it out of there' in done.stderr
    assert 'key = "HIDE"' in FILE.read_text()


@pytest.mark.usefixtures("far")
def test_the_source_of_a_secret_is_set_also_where_it_is_empty(call: Any) -> None:
    _set(call, "plugins.far.key", '{ env = "NOT_SET_HERE" }')
    assert call("config", "get", "plugins.far.key").stdout == '{ env = "NOT_SET_HERE" }\n'


@pytest.mark.usefixtures("far")
def test_a_secret_of_the_environment_is_not_shown(
    call: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_KEY", "HIDE")
    shown = _shown(ask)["plugins.far.key"]
    assert (shown["value"], shown["where"]) == ("[redacted]", "FAR_KEY")


@pytest.mark.usefixtures("far")
def test_where_secrets_go_is_not_said_in_a_file_that_was_found(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_KEY", "HIDE")
    assert "may not say where credentials" in _refused(call, "plugins.far.host", "elsewhere")
    _set(call, "plugins.far.host", "elsewhere", "--config", str(FILE))


# -- the file


def test_without_a_file_it_says_how_to_write_one(call: Any) -> None:
    assert "telemetry init" in _refused(call, "service", "x")
    assert "telemetry init" in call("config", "show").stdout


def test_in_a_project_its_table_is_edited(call: Any) -> None:
    project = Path("pyproject.toml")
    text = '[tool.telemetry]\nservice = "x"\n\n[tool.other]\na = 1\n'
    project.write_text(text)
    _set(call, "delivery.linger", "2")
    added = "\n[tool.telemetry.delivery]\nlinger = 2\n"
    assert project.read_text() == text.replace('"x"\n', f'"x"\n{added}')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"service = 'x'\r\n# y\r\n", b'service = "z"\r\n# y\r\n'),
        (b"\xef\xbb\xbfservice = 'x'\n", b'\xef\xbb\xbfservice = "z"\n'),
        (b"# y", b'# y\n\nservice = "z"\n'),
        (b"", b'service = "z"\n'),
    ],
)
def test_ends_of_lines_and_the_mark_before_them_stay(
    call: Any, before: bytes, after: bytes
) -> None:
    FILE.write_bytes(before)
    _set(call, "service", "z")
    assert FILE.read_bytes() == after


def test_a_link_stays_one_and_the_mode_is_kept(call: Any) -> None:
    real = Path("real.toml")
    real.write_text("")
    real.chmod(0o640)
    FILE.symlink_to(real)
    _set(call, "service", "x")
    assert (FILE.is_symlink(), real.read_text()) == (True, 'service = "x"\n')
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in Path().iterdir()) == ["real.toml", "telemetry.toml"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a = [\n\nb", "line 3"),
        (b"\xff", "line 1 is not UTF-8"),
        (b"plugins = 1", "expected a table"),
        (b"delivery = { linger = 1 }", "edit the file by hand"),
    ],
)
def test_a_file_that_cannot_be_edited_is_left(call: Any, content: bytes, problem: str) -> None:
    FILE.write_bytes(content)
    assert problem in _refused(call, "delivery.linger", "2")


@root_only
def test_a_file_that_may_not_be_written_is_left(call: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "telemetry.toml")
        path.write_text("")
        os.seteuid(65534)
        try:
            refused = call("config", "set", "service", "x", "--config", str(path))
        finally:
            os.seteuid(0)
        assert (refused.exit_code, path.read_text()) == (2, "")
    assert "cannot be written: Permission denied" in refused.stderr


@root_only
def test_a_file_of_another_user_is_refused(call: Any) -> None:
    FILE.write_text("")
    os.chown(FILE, 4321, -1)
    assert "it belongs to user 4321" in _refused(call, "service", "x")


def test_no_two_processes_that_set_at_once_lose_anything() -> None:
    FILE.write_text("")
    keys = ["delivery.linger", "delivery.batch_size", "delivery.exit_timeout", "delivery.max_bytes"]
    started = [
        subprocess.Popen([sys.executable, "-c", TELEMETRY, "config", "set", key, "7"])
        for key in keys
    ]
    assert [process.wait(60) for process in started] == [0] * len(keys)
    settings = load_config(FILE).delivery
    assert [getattr(settings, key.partition(".")[2]) for key in keys] == [7] * len(keys)
