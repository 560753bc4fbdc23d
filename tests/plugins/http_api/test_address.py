"""A URL leads to the root of a service; what may be a secret is in none, and shown nowhere."""

from __future__ import annotations

import pytest
from telemetry_http_api import AddressError, HTTPAPIClient, HttpApiSink
from telemetry_http_api.address import service_root

from telemetry_core import ConfigError, Secret, load_config
from telemetry_core.manager import Manager

ROOT = "https://runs.example"


@pytest.mark.parametrize(
    "url",
    [
        ROOT,
        f"{ROOT}/",
        f" {ROOT}:443 ",
        "HTTPS://RUNS.example",
        f"{ROOT}/api/v1",
        f"{ROOT}/api/v1/runs",
        f"{ROOT}/api/v1/runs/batch/",
        f"{ROOT}/api/v1/records",
        f"{ROOT}/health",
    ],
)
def test_what_leads_to_a_route_leads_to_the_root(url: str) -> None:
    assert service_root(url) == ROOT


def test_a_path_before_the_routes_stays() -> None:
    assert service_root(f"{ROOT}:8443/telemetry/api/v1/runs") == f"{ROOT}:8443/telemetry"
    assert service_root("http://[::1]:8765/") == "http://[::1]:8765"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://ada:hunter2@runs.example", "a user or a password"),
        ("https://hunter2@runs.example", "a user or a password"),
        ("runs.example:8765", "begin with http"),
        ("ftp://runs.example", "begin with http"),
        ("https://", "and a host"),
        ("https://runs.example:none/hunter2", "cannot be read"),
        (f"{ROOT}?token=hunter2", "a query"),
        (f"{ROOT}/#hunter2", "a fragment"),
        ("https://runs .example", "blanks"),
        ("https://runs.example/\x1b[31m", "cannot be seen"),
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(url: str, why: str) -> None:
    with pytest.raises(AddressError, match=why) as caught:
        service_root(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("token", ["two words", "with\nline", "käse"])
def test_a_token_that_no_header_holds_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(AddressError, match="copy it anew") as caught:
        HttpApiSink(url=ROOT, token=token)
    assert token not in str(caught.value)


def test_a_sink_without_a_service_says_where_to_name_one() -> None:
    with pytest.raises(ConfigError, match=r"set url in .* TELEMETRY_API_URL"):
        HttpApiSink()


def test_the_token_is_shown_nowhere() -> None:
    sink = HttpApiSink(url=ROOT, token="hunter2")
    assert sink.token == Secret("hunter2")
    assert "hunter2" not in repr(sink) + sink.destination()


@pytest.mark.parametrize(
    ("variables", "root"),
    [
        ({"TELEMETRY_API_URL": "http://one:1"}, "http://one:1"),
        ({"METRICS_API_URL": "http://two:2/api/v1/runs"}, "http://two:2"),
        ({"TELEMETRY_API_URL": "http://one:1", "METRICS_API_URL": "http://two:2"}, "http://one:1"),
    ],
)
def test_the_environment_names_the_service(variables: dict[str, str], root: str) -> None:
    given = {**variables, "TELEMETRY_BASE_DIR": "/nowhere", "TELEMETRY_TEST_MODE": "live"}
    manager = Manager(load_config(environ={**given, "TELEMETRY_API_AUTH_TOKEN": "hunter2"}))
    sink = next(plugin for plugin in manager.plugins if plugin.name == "http_api").build()
    assert isinstance(sink, HttpApiSink)
    assert (sink.destination(), sink.token) == (root, Secret("hunter2"))


def test_a_wrong_url_names_the_setting_and_not_the_password() -> None:
    environ = {"TELEMETRY_API_URL": "http://ada:hunter2@one", "TELEMETRY_TEST_MODE": "live"}
    manager = Manager(load_config(environ={**environ, "TELEMETRY_BASE_DIR": "/nowhere"}))
    plugin = next(plugin for plugin in manager.plugins if plugin.name == "http_api")
    with pytest.raises(ConfigError, match="a user or a password") as caught:
        plugin.build()
    assert "hunter2" not in str(caught.value)


def test_a_client_refuses_such_urls_too() -> None:
    with pytest.raises(AddressError):
        HTTPAPIClient("http://ada:hunter2@runs.example")
