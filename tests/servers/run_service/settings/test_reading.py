"""An option wins over a variable, a variable over the file, the file over the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telemetry_run_service.settings.kinds import ADDRESSES, FLAG
from telemetry_run_service.settings.reading import IGNORED, read_settings
from telemetry_run_service.settings.settings import ServiceSettings, settings

from telemetry_core import ConfigError, load_config

if TYPE_CHECKING:
    from pathlib import Path

# For each setting: a text of its variable and what it means, and a text that cannot be meant so.
SAID: dict[str, tuple[str, Any, str | None]] = {
    "db_path": ("/data/telemetry.sqlite", "/data/telemetry.sqlite", None),
    "host": ("0.0.0.0", "0.0.0.0", "a\nb"),
    "port": ("9000", 9000, "70000"),
    "workers": ("1", 1, "4"),
    "journal_mode": ("wal", "DELETE", "fast"),
    "synchronous": ("full", "FULL", "NORMAL"),
    "busy_timeout_ms": ("5000", 5000, "soon"),
    "connect_timeout_seconds": ("2.5", 2.5, "0"),
    "max_retries": ("0", 0, "-1"),
    "retry_base_delay_seconds": ("0", 0.0, "-0.1"),
    "lock_file": ("/run/telemetry.lock", "/run/telemetry.lock", "a\0b"),
    "buffer_dir": ("/data/buffer", "/data/buffer", "a\0b"),
    "auth_enabled": ("off", False, "perhaps"),
    "auth_tokens": ("one, two", 2, "a b"),
    "auth_reads": ("yes", True, "2"),
    "rate_limit_enabled": ("TRUE", True, "always"),
    "rate_limit_rpm": ("600", 600, "0"),
    "forwarded_allow_ips": ("10.0.0.1, 10.1.0.0/16", ("10.0.0.1", "10.1.0.0/16"), "my-proxy"),
    "max_body_bytes": ("2048", 2048, "1"),
    "max_batch": ("10", 10, "0"),
    "stop_timeout_seconds": ("1.5", 1.5, "nan"),
    "log_level": ("debug", "DEBUG", "loud"),
    "log_format": ("text", "text", "xml"),
    "log_share": ("0.25", 0.25, "1.5"),
    "retention_days": ("30", 30, "0"),
    "retention_dry_run": ("0", False, "maybe"),
}
NAMES = settings()
VARIABLES = [(name, variable) for name, (_, names) in NAMES.items() for variable in names]
OTHERWISE = {"DATABASE_URL", "TELEMETRY_API_AUTH_TOKEN_FILE"}
PLAIN = [pair for pair in VARIABLES if pair[1] not in OTHERWISE]


def read(tmp_path: Path, file: str = "", *, typed: Any = None, **said: str) -> Any:
    """Return the settings of an environment, a file and options."""
    path = tmp_path / "telemetry.toml"
    path.write_text(f'base_dir = "store"\n{file}', encoding="utf-8")
    return read_settings(load_config(path, environ=said), typed)


def test_every_setting_is_tried_here() -> None:
    assert SAID.keys() == NAMES.keys()


def test_nothing_said_is_our_defaults(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert (found.host, found.port) == ("127.0.0.1", 8765)
    assert found.db_path == str(tmp_path / "store" / "db" / "telemetry.sqlite")
    assert not (found.auth_enabled)
    assert not (found.rate_limit_enabled)
    assert not (found.forwarded_allow_ips)
    assert found.retention_days is None
    assert found.notes == ()


@pytest.mark.parametrize(("name", "variable"), PLAIN)
def test_a_variable_is_read(name: str, variable: str, tmp_path: Path) -> None:
    text, meant, _ = SAID[name]
    found = getattr(read(tmp_path, **{variable: text}), name)
    assert (len(found) if name == "auth_tokens" else found) == meant


@pytest.mark.parametrize(("name", "variable"), PLAIN)
def test_an_empty_variable_is_not_set(name: str, variable: str, tmp_path: Path) -> None:
    assert read(tmp_path, **{variable: " "}) == read(tmp_path)


@pytest.mark.parametrize(
    ("name", "variable"), [pair for pair in PLAIN if SAID[pair[0]][2] is not None]
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(
    name: str, variable: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"{variable}|{name}"):
        read(tmp_path, **{variable: str(SAID[name][2])})


@pytest.mark.parametrize("text", ["12x", "1.5", "", "9" * 5000, "٣", "1e3"])
def test_a_bad_whole_number_is_refused_not_guessed(text: str, tmp_path: Path) -> None:
    if text in {"", "٣"}:  # not set; and digits of any script are digits to Python
        assert read(tmp_path, TELEMETRY_API_PORT=text).port in {8765, 3}
        return
    with pytest.raises(ConfigError, match="TELEMETRY_API_PORT: expected a whole number"):
        read(tmp_path, TELEMETRY_API_PORT=text)


def test_an_option_wins_over_the_variable(tmp_path: Path) -> None:
    found = read(tmp_path, typed={"port": 0, "host": None}, TELEMETRY_API_PORT="9000")
    assert (found.port, found.host) == (0, "127.0.0.1")


def test_the_database_is_the_first_that_is_named(tmp_path: Path) -> None:
    table = '[plugins.sqlite]\ndb_path = "of-the-file.sqlite"'
    url = "sqlite:////data/of-the-url.sqlite"
    assert read(tmp_path, table).db_path == str(tmp_path / "of-the-file.sqlite")
    assert read(tmp_path, table, DATABASE_URL=url).db_path == "/data/of-the-url.sqlite"
    named = {"DATABASE_URL": url, "TELEMETRY_DB_PATH": "/data/named.sqlite"}
    assert read(tmp_path, table, **named).db_path == "/data/named.sqlite"
    typed = {"db_path": "/data/typed.sqlite"}
    assert read(tmp_path, table, typed=typed, **named).db_path == "/data/typed.sqlite"


def test_a_relative_path_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read(tmp_path, TELEMETRY_DB_PATH="runs.sqlite").db_path == str(tmp_path / "runs.sqlite")
    url = read(tmp_path, DATABASE_URL="sqlite:///other.sqlite")
    assert url.db_path == str(tmp_path / "other.sqlite")


def test_a_table_for_the_service_is_refused_by_file_and_path(tmp_path: Path) -> None:
    file = tmp_path / "telemetry.toml"
    with pytest.raises(ConfigError, match=rf"{file}: extra fields found \(run_service\).* @ \$"):
        read(tmp_path, '[run_service]\nhost = "0.0.0.0"')


@pytest.mark.parametrize("url", ["postgres://localhost/app", "sqlite://", "sqlite:///", "mysql:x"])
def test_a_url_of_another_database_is_not_for_us(url: str, tmp_path: Path) -> None:
    assert read(tmp_path, DATABASE_URL=url) == read(tmp_path)


def test_two_sqlite_sinks_leave_the_choice_to_the_user(tmp_path: Path) -> None:
    tables = (
        'active = ["sqlite", "eu"]\n[plugins.sqlite]\n[plugins.eu]\nplugin = "sqlite"\n'
        'db_path = "eu.sqlite"'
    )
    with pytest.raises(ConfigError, match="say which one to serve: --db PATH"):
        read(tmp_path, tables)


def test_authentication_without_a_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set TELEMETRY_API_AUTH_TOKEN or"):
        read(tmp_path, TELEMETRY_API_AUTH_ENABLED="true", TELEMETRY_API_AUTH_TOKEN=" , ")


def test_tokens_come_from_the_variable_and_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("# ours\nthree\n\nfour\n", encoding="utf-8")
    found = read(
        tmp_path, TELEMETRY_API_AUTH_TOKEN="one,two", TELEMETRY_API_AUTH_TOKEN_FILE=str(file)
    )
    assert [token.reveal() for token in found.auth_tokens] == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"\n#\n", "has no token"),
        (b"\xff", "UTF-8"),
        (b"x" * 70_000, "larger"),
    ],
)
def test_a_file_without_tokens_is_refused(content: bytes | None, why: str, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=why):
        read(tmp_path, TELEMETRY_API_AUTH_TOKEN_FILE=str(file))


def test_no_token_is_ever_shown(tmp_path: Path) -> None:
    found = read(tmp_path, TELEMETRY_API_AUTH_TOKEN="open-sesame")
    assert "open-sesame" not in f"{found!r} {found} {found.notes}"
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, TELEMETRY_API_AUTH_TOKEN="open sesame")
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"TELEMETRY_DB_JOURNAL_MODE": "WAL"}, "the journal mode stays DELETE, not WAL"),
        ({"TELEMETRY_DB_BUSY_TIMEOUT_MS": "10"}, "waited for 10 ms only"),
        ({"TELEMETRY_API_AUTH_TOKEN": "one"}, "nobody is asked for it"),
        ({"TELEMETRY_API_HOST": "0.0.0.0"}, "may be reached by others"),
        *(({name: "1"}, f"{name} is for clients") for name in IGNORED),
    ],
)
def test_what_is_strange_is_noted(said: dict[str, str], note: str, tmp_path: Path) -> None:
    (only,) = read(tmp_path, **said).notes
    assert note in only


@pytest.mark.parametrize("wrong", [{"workers": 2}, {"synchronous": "OFF"}, {"port": "80"}])
def test_settings_made_by_hand_are_checked_too(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ServiceSettings(db_path="runs.sqlite", **wrong)


def test_words_of_yes_and_no_are_those_of_the_core() -> None:
    from telemetry_core.settings import FLAG as CORES

    for text in ("true", "1", "yes", "on", "false", "0", "no", "off", "ON"):
        assert FLAG.read(text) is CORES.parse(text)


@pytest.mark.parametrize("text", ["*", "::1", "fd00::/8", "10.0.0.0/8"])
def test_an_address_or_a_network_may_be_trusted(text: str) -> None:
    assert ADDRESSES.accepts(ADDRESSES.read(text))
