"""The guide, line by line: items 2 to 5 of its checklist, and what its unit tests are to assert."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
import telemetry_posthog
from telemetry_posthog import CaptureArgs, TelemetryClient

from tests.plugins.posthog.client.conftest import KEY

if TYPE_CHECKING:
    from pytest_telemetry import PostHogServer

    from tests.plugins.posthog.client.conftest import Build


# -- the checklist


def test_item_2_there_is_the_client_with_its_types_and_figures(server: PostHogServer) -> None:
    figures = {name: getattr(telemetry_posthog, name) for name in _figures()}
    assert figures == {
        "PH_API_HOST": "https://telemetry.atopileapi.com",
        "PH_API_ENDPOINT": "/capture/",
        "DEFAULT_QUEUE_SIZE": 256,
        "WORKER_WAKE_INTERVAL": 0.1,
        "FLUSH_TIMEOUT": 2.0,
    }
    assert set(CaptureArgs.__annotations__) == {"distinct_id", "properties", "timestamp", "context"}
    said: CaptureArgs = {
        "distinct_id": "ada",
        "properties": {"plan": "pro"},
        "timestamp": "2026-01-02T03:04:05+00:00",
        "context": {"request": 7},
    }
    client = TelemetryClient(KEY, f"{server.url}/")
    client.capture("signed_up", **said)
    assert client.flush(20)
    client.shutdown()
    event = server.assert_event("signed_up", plan="pro", request=7)
    assert (event["distinct_id"], event["timestamp"][:19]) == ("ada", "2026-01-02T03:04:05")


def _figures() -> list[str]:
    return [name for name in telemetry_posthog.__all__ if name.isupper()]


def test_item_3_what_cannot_be_had_is_a_disabled_client(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TELEMETRY_CONFIG", "nowhere.toml")
    client = telemetry_posthog._get_telemetry_client()
    client.disabled = False  # pytest is no reason any more
    assert isinstance(client, TelemetryClient)
    assert client.disabled
    assert client.capture("signed_up") is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_item_4_the_helpers_speak_through_the_client(
    build: Build, server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = build()
    monkeypatch.setattr("telemetry_posthog.module_level.client", client)

    @telemetry_posthog.capture("build_begun", "build_ended", {"board": "a"})
    def work() -> int:
        return 7

    assert work() == 7
    telemetry_posthog.capture_exception(ValueError("no board"))
    assert telemetry_posthog.flush(20)
    names = {event["event"] for event in server.events}
    assert names == {"build_begun", "build_ended", "$exception"}
    server.assert_event("build_begun", board="a")


def test_item_5_a_test_tool_silences_it_with_one_line(build: Build, server: PostHogServer) -> None:
    client = build()
    client.disabled = True
    assert client.capture("signed_up") is None
    assert client.capture_exception(ValueError()) is None
    assert client.flush(20)
    assert server.requests == []


# -- what unit tests are to assert


def test_events_are_enqueued_and_drained_by_the_worker(build: Build, server: PostHogServer) -> None:
    client = build()
    uuids = [client.capture("signed_up", "ada", {"number": number}) for number in range(20)]
    assert client.flush(20)
    assert [event["uuid"] for event in server.events] == uuids
    assert "telemetry-posthog" in {thread.name for thread in threading.enumerate()}


def test_flush_waits_for_events_that_are_on_their_way(build: Build, server: PostHogServer) -> None:
    client = build()
    server.slow(0.3, times=1)
    client.capture("signed_up")
    report = client.flush(20)
    assert (bool(report), report.delivered, len(server.events)) == (True, 1, 1)


def test_flush_comes_back_from_a_server_that_never_answers(
    build: Build, server: PostHogServer
) -> None:
    client = build()
    server.hang()
    client.capture("signed_up")
    assert not client.flush(0.2)
    server.clear()


@pytest.mark.parametrize("name", ["DO_NOT_TRACK", "TELEMETRY_DISABLED"])
def test_opting_out_disables(
    name: str, build: Build, server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = build()
    assert not client.disabled
    client.disabled = True
    assert client.disabled
    client.disabled = False
    assert not client.disabled
    monkeypatch.setenv(name, "1")
    refused = build()
    refused.disabled = False
    assert refused.disabled
    assert refused.capture("signed_up") is None
    assert server.requests == []


def test_exceptions_have_the_guides_properties(client: TelemetryClient, server: Any) -> None:
    try:
        raise ValueError("no such plan")
    except ValueError as error:
        client.capture_exception(error, distinct_id="ada", properties={"$exception_type": "Mine"})
    assert client.flush(20)
    (event,) = server.exceptions
    properties = event["properties"]
    assert properties["$exception_message"] == "no such plan"
    assert properties["$exception_type"] == "Mine"  # the caller's word wins
    assert properties["$exception_stack_trace"].startswith("Traceback (most recent call last)")
    assert properties["$exception_person"] == "ada"
    assert [issue.type for issue in server.issues] == ["ValueError"]


# -- its notes


def test_the_key_is_added_when_a_request_is_sent(client: TelemetryClient, server: Any) -> None:
    client.capture("signed_up")
    assert client.flush(20)
    assert server.requests[0].json()["api_key"] == KEY
    assert "api_key" not in server.events[0]["properties"]


def test_who_sends_may_be_named(build: Build, server: PostHogServer) -> None:
    for client in (build(user_agent="atopile/0.12"), build()):
        client.capture("signed_up")
        assert client.flush(20)
    first, second = (request.headers["user-agent"] for request in server.requests)
    assert first == "atopile/0.12"
    assert second.startswith("telemetry-posthog/")


def test_a_request_for_each_event_at_its_endpoint(build: Build, server: PostHogServer) -> None:
    client = build(endpoint=telemetry_posthog.PH_API_ENDPOINT)
    client.capture("one")
    client.capture("two")
    assert client.flush(20)
    assert [request.path for request in server.requests] == ["/capture/", "/capture/"]
    assert [event["event"] for event in server.events] == ["one", "two"]


def test_a_full_queue_drops_what_is_new_and_says_so_once(
    build: Build, server: PostHogServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "telemetry_core.memory_spool")
    client = build(queue_size=3)
    server.hang()
    for number in range(9):
        client.capture("waiting", properties={"number": number})
    server.clear()
    report = client.flush(20)
    said = [record for record in caplog.records if record.name == "telemetry_core.memory_spool"]
    assert report.dropped > 0
    assert len(said) == 1


def test_an_event_is_sent_twice_at_most(build: Build, server: PostHogServer) -> None:
    client = build()
    server.fail(503)
    client.capture("signed_up")
    report = client.flush(20)
    assert (report.dropped, report.pending, len(server.requests)) == (1, 0, 2)


def test_what_fails_once_arrives_the_second_time(build: Build, server: PostHogServer) -> None:
    client = build()
    server.fail(503, times=1)
    uuid = client.capture("signed_up")
    assert client.flush(20)
    assert [event["uuid"] for event in server.events] == [uuid]


@pytest.mark.parametrize(
    ("key", "host"),
    [(None, None), ("", "http://h"), ("phx_a", "http://h"), ("phc a", "http://h"), ("k", "h")],
)
def test_an_empty_or_malformed_key_disables_with_one_warning(
    key: Any, host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = TelemetryClient(key, host)
    assert client.disabled
    client.capture("signed_up")
    client.disabled = False
    assert client.capture("signed_up") is None
    (warning,) = caplog.records
    assert warning.levelname == "WARNING"
    assert "host" in warning.getMessage() or "project settings" in warning.getMessage()


def test_nothing_exists_while_it_is_disabled(server: PostHogServer) -> None:
    threads = threading.active_count()
    files = sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else []
    client = TelemetryClient(KEY, server.url)
    client.disabled = True
    client.capture("signed_up")
    client.set("ada", {"plan": "pro"})
    client.alias("a", "b")
    client.group_identify("company", "acme")
    client.capture_exception(ValueError())
    client.flush()
    client.shutdown()
    assert threading.active_count() == threads
    assert os.listdir() == []
    if files:
        assert sorted(os.listdir("/proc/self/fd")) == files


def test_of_nobody_no_properties_are_set(client: TelemetryClient, server: PostHogServer) -> None:
    assert client.set(properties={"plan": "pro"}) is None
    assert client.set_once("ada", {}) is None
    assert client.flush(20)
    assert server.requests == []


def test_after_a_shutdown_nothing_is_taken(client: TelemetryClient, server: PostHogServer) -> None:
    client.capture("last")
    client.shutdown()
    client.shutdown()
    assert client.capture("too late") is None
    assert [event["event"] for event in server.events] == ["last"]
