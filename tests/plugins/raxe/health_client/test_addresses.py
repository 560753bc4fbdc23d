"""A key goes over https, or stays on this machine; an error never shows the address."""

from __future__ import annotations

import pytest
from telemetry_raxe import AddressError
from telemetry_raxe.addresses import console_url, health_url, keys_page, telemetry_url, trusted


@pytest.mark.parametrize(
    "url",
    [
        "http://api.raxe.ai",
        "http://localhost.evil.example",
        "http://localhost:80@evil.example",
        "https://user:hunter2@api.raxe.ai",
        "http://127.0.0.1.evil.example:8080",
        "http://127.0.0.2",
        "http://0.0.0.0:8080",
        "http://localhost\\@evil.example",
        "https://evil.example\\.raxe.ai",
        "ftp://localhost/hunter2",
        "//api.raxe.ai",
        "api.raxe.ai",
        "localhost:8080",
        "",
        "https://",
        "https://api.raxe.ai:port",
        "https://[::1",
        "https://api.raxe.ai/?token=hunter2",
        "https://api.raxe.ai/#hunter2",
        "https://api.raxe.ai/a b",
        "https://api.raxe.ai/\n\rHost: hunter2",
        "https://rаxe.example",  # with a Cyrillic letter  # noqa: RUF001
    ],
)
def test_an_address_that_might_give_a_key_away_is_refused_unseen(url: str) -> None:
    with pytest.raises(AddressError) as refused:
        trusted(url)
    assert "hunter2" not in str(refused.value)
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.raxe.ai",
        "https://telemetry.company.example:8443/raxe",
        "http://localhost:8080",
        "http://LOCALHOST:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ],
)
def test_https_and_this_machine_are_trusted(url: str) -> None:
    assert trusted(f" {url}/\n") == url


def test_the_default_is_where_raxe_is() -> None:
    assert health_url() == "https://api.raxe.ai/v1/health"
    assert telemetry_url() == "https://api.raxe.ai/v1/telemetry"
    assert telemetry_url("https://api.raxe.ai/v1/telemetry") == "https://api.raxe.ai/v1/telemetry"
    assert console_url() == "https://console.raxe.ai"


def test_a_root_and_the_address_itself_mean_the_same() -> None:
    assert health_url("http://localhost:1/") == "http://localhost:1/v1/health"
    assert health_url("http://localhost:1/v1/health") == "http://localhost:1/v1/health"


@pytest.mark.parametrize("variable", ["RAXE_API_BASE", "RAXE_CLOUD_ENDPOINT"])
def test_the_root_of_the_environment_is_for_all_of_raxe(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://localhost:1")
    assert health_url() == "http://localhost:1/v1/health"
    assert telemetry_url("https://api.raxe.ai/v1/telemetry") == "http://localhost:1/v1/telemetry"


def test_an_address_of_the_environment_goes_before_its_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAXE_API_BASE", "http://localhost:1")
    monkeypatch.setenv("RAXE_HEALTH_ENDPOINT", "http://localhost:2/v1/health")
    monkeypatch.setenv("RAXE_TELEMETRY_ENDPOINT", "http://localhost:3/v1/telemetry")
    assert health_url() == "http://localhost:2/v1/health"
    assert telemetry_url() == "http://localhost:3/v1/telemetry"


def test_an_address_that_is_given_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAXE_API_BASE", "http://localhost:1")
    assert health_url("http://localhost:9") == "http://localhost:9/v1/health"


def test_the_environment_is_trusted_no_more_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAXE_API_BASE", "http://evil.example")
    monkeypatch.setenv("RAXE_CONSOLE_URL", "http://evil.example")
    with pytest.raises(AddressError):
        health_url()
    assert keys_page() == "https://console.raxe.ai/keys"
