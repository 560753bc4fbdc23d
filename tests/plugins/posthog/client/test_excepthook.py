"""What nobody catches is told as fatal, once, and left to whoever had the hook before."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_posthog import install_excepthook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry import PostHogServer
    from telemetry_posthog import TelemetryClient

    from tests.plugins.posthog.client.conftest import Build


@pytest.fixture
def earlier(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what hooks that were there before have seen."""
    seen: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: seen.append(error))
    monkeypatch.setattr(threading, "excepthook", lambda arguments: seen.append(arguments.exc_value))
    return seen


@pytest.fixture
def installed(earlier: list[object], client: TelemetryClient) -> Iterator[None]:
    uninstall = install_excepthook(client)
    yield
    uninstall()


def uncaught(error: BaseException) -> None:
    """Do what Python does at the end of a program that raised."""
    try:
        raise error
    except BaseException as raised:
        sys.excepthook(type(raised), raised, raised.__traceback__)


def fatal(client: TelemetryClient, server: PostHogServer) -> list[dict[str, Any]]:
    assert client.flush(20)
    return [event["properties"] for event in server.exceptions]


def test_it_is_fatal_not_handled_and_passed_on(
    installed: None, earlier: list[object], client: TelemetryClient, server: PostHogServer
) -> None:
    error = ValueError("broken")
    uncaught(error)
    (properties,) = fatal(client, server)
    assert properties["$exception_level"] == "fatal"
    assert properties["$exception_list"][0]["mechanism"]["handled"] is False
    assert [issue.handled for issue in server.issues] == [False]
    assert earlier == [error]


def test_what_ends_a_thread_is_told_too(
    installed: None, earlier: list[object], client: TelemetryClient, server: PostHogServer
) -> None:
    def fail() -> None:
        raise ValueError("broken")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    (properties,) = fatal(client, server)
    assert (properties["$exception_message"], properties["$exception_level"]) == ("broken", "error")
    assert [issue.handled for issue in server.issues] == [False]
    assert [str(error) for error in earlier] == ["broken"]


def test_what_was_told_before_is_not_told_again(
    installed: None, client: TelemetryClient, server: PostHogServer
) -> None:
    error = ValueError("broken")
    client.capture_exception(error)
    uncaught(error)
    assert len(fatal(client, server)) == 1


def test_ctrl_c_is_passed_on_and_not_told(
    installed: None, earlier: list[object], client: TelemetryClient, server: PostHogServer
) -> None:
    uncaught(KeyboardInterrupt())
    assert fatal(client, server) == []
    assert [type(error) for error in earlier] == [KeyboardInterrupt]


def test_it_goes_out_as_it_came_in(client: TelemetryClient) -> None:
    before = sys.excepthook, threading.excepthook
    uninstall = install_excepthook(client)
    assert sys.excepthook is not before[0]
    uninstall()
    assert (sys.excepthook, threading.excepthook) == before


def test_a_client_may_be_built_with_it(
    earlier: list[object], build: Build, server: PostHogServer
) -> None:
    client = build(excepthook=True)
    uncaught(ValueError("broken"))
    assert len(fatal(client, server)) == 1
