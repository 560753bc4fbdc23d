"""An address that cannot be a web app's is refused with words that say what it is."""

from __future__ import annotations

import pytest
from telemetry_sheets import AddressError, SheetsSink

from telemetry_core import ConfigError, load_config
from telemetry_core.manager import Manager


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8765",
        "http://127.0.0.1:8765/",
        "http://[::1]:8765/somewhere",
        "http://localhost:9000/api/v1/runs",
        "https://runs.example.org/api/v1/runs/batch",
        "http://127.0.0.2:9000/health",
    ],
)
def test_a_run_service_is_no_web_app(url: str) -> None:
    with pytest.raises(ConfigError, match=r"address of a run service.*TELEMETRY_API_URL"):
        SheetsSink(api_url=url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/exec", "https://script.google.com/macros/s/abc/exec"]
)
def test_a_web_app_may_be_anywhere_else(url: str) -> None:
    assert SheetsSink(api_url=url).destination() == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://docs.google.com/spreadsheets/d/abc/edit#gid=0", "spreadsheet_id"),
        ("https://me:hunter2@example.org/exec", "user or a password"),
        ("script.google.com/exec", "begin with http"),
        ("ftp://example.org", "begin with http"),
        ("https://example.org/a b", "blanks"),
        ("http://[::1", "cannot be read"),
    ],
)
def test_other_mistakes_are_named_and_nothing_of_them_shown(url: str, words: str) -> None:
    with pytest.raises(AddressError, match=words) as caught:
        SheetsSink(api_url=url)
    assert "hunter2" not in str(caught.value)


def test_a_sink_without_a_sheet_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="GOOGLE_SHEETS_API_URL"):
        SheetsSink()


def test_the_address_is_shown_without_its_query() -> None:
    sink = SheetsSink(api_url="https://example.org/exec?key=hunter2")
    assert (sink.destination(), "hunter2" in repr(sink.stats())) == (
        "https://example.org/exec",
        False,
    )


def test_the_localhost_url_of_the_environment_turns_the_sink_off_and_no_other() -> None:
    environ = {
        "GOOGLE_SHEETS_API_ENABLED": "true",
        "GOOGLE_SHEETS_API_URL": "http://localhost:8765",
        "TELEMETRY_TEST_MODE": "live",
    }
    config = load_config(environ=environ)
    assert config.active[-1] == "sheets"
    plugins = {plugin.name: plugin for plugin in Manager(config).plugins}
    with pytest.raises(ConfigError, match="run service"):
        plugins["sheets"].build()
    plugins["ndjson"].build()
