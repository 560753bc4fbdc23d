"""A host and a key are checked before anything is sent, and shown to nobody."""

from __future__ import annotations

import pytest
from telemetry_posthog import AddressError, PostHogSink

from telemetry_core import ConfigError, TelemetryConfig, load_config
from telemetry_core.manager import Manager

KEY = "phc_hunter2"


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("", "https://us.i.posthog.com"),
        ("  ", "https://us.i.posthog.com"),
        ("https://app.posthog.com", "https://us.i.posthog.com"),
        ("https://us.posthog.com/", "https://us.i.posthog.com"),
        (" https://eu.posthog.com ", "https://eu.i.posthog.com"),
        ("https://eu.i.posthog.com/", "https://eu.i.posthog.com"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("https://company.example/ingest/", "https://company.example/ingest"),
    ],
)
def test_a_host_is_the_one_that_takes_events(said: str, host: str) -> None:
    assert PostHogSink(api_key=KEY, host=said).destination() == host


@pytest.mark.parametrize(
    "host",
    ["us.i.posthog.com", "ftp://x", "https://", "https://u:hunter2@x", "https://x/?hunter2", "https://x:y"],
)  # fmt: skip
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(AddressError) as caught:
        PostHogSink(api_key=KEY, host=host)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["phx_hunter2", "phc_" + "x" * 61, "phc hunter2", "phc_hünter2"])
def test_a_key_that_is_none_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(AddressError) as caught:
        PostHogSink(api_key=key)
    assert key not in str(caught.value)


def test_a_key_has_no_blanks_around_it() -> None:
    assert PostHogSink(api_key=f" {KEY}\n") is not None


@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key_it_says_where_the_key_goes(key: str | None) -> None:
    with pytest.raises(ConfigError, match=r"api_key in \[plugins.posthog\] or POSTHOG_API_KEY"):
        PostHogSink(api_key=key)


@pytest.mark.parametrize("endpoint", ["capture", "/batch", "/batch/"])
def test_an_endpoint_is_one_of_two(endpoint: str) -> None:
    assert PostHogSink(api_key=KEY, endpoint=endpoint).endpoint in {"/batch/", "/capture/"}
    with pytest.raises(AddressError, match="/batch/ and /capture/"):
        PostHogSink(api_key=KEY, endpoint="/e/")


def test_the_environment_gives_key_host_and_release() -> None:
    config = load_config(
        environ={
            "TELEMETRY_ACTIVE": "posthog",
            "TELEMETRY_BASE_DIR": "/nowhere",
            "TELEMETRY_TEST_MODE": "live",
            "POSTHOG_API_KEY": KEY,
            "POSTHOG_HOST": "https://eu.posthog.com",
            "POSTHOG_RELEASE_ID": "r-1",
        }
    )
    sink = _built(config)
    assert sink.api_key is not None
    assert sink.api_key.reveal() == KEY
    assert (sink.host, sink.release) == ("https://eu.i.posthog.com", "r-1")


def _built(config: TelemetryConfig) -> PostHogSink:
    (plugin,) = Manager(config).plugins
    sink = plugin.build()
    assert isinstance(sink, PostHogSink)
    return sink
