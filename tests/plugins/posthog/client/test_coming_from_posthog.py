"""Both lines of each pair on the page for those who come from `posthog` send the same."""

from __future__ import annotations

import os
import re
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import posthog
import pytest
import telemetry_posthog
from pytest_telemetry import PostHogServer

import telemetry_core
from tests.plugins.posthog.client import guide
from tests.posthog_common import in_common

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[4] / "docs" / "coming-from-posthog.md").read_text("utf-8")
PAIR = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
Namespace = dict[str, Any]


def _pairs(begin: str, end: str) -> list[tuple[str, str]]:
    """Return the pairs of lines that a part of the page has, those that import included."""
    return PAIR.findall(PAGE.split(begin)[1].split(end)[0])


IMPORTS, *CLIENTS = _pairs("## The SDK", "With a `client`")
CALLS = _pairs("With a `client`", "Where the module")
IMPORTS_OF_MODULE, SET_UP, *CALLS_OF_MODULE = _pairs("Where the module", "What is otherwise")
IMPORTS_OF_GUIDE, *CALLS_OF_GUIDE = _pairs("## The guide's module", "\n\n| there")


def scrub(event: dict[str, Any]) -> dict[str, Any]:
    event["properties"] = {**event["properties"], "scrubbed": True}
    return event


def fail() -> None:
    raise ValueError("no such board")


def leave() -> None:
    raise KeyboardInterrupt


def raised() -> ValueError:
    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError


def namespace(url: str, **more: Any) -> Namespace:
    return {
        "url": url,
        "os": os,
        "error": raised(),
        "moment": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "chosen": "0190a0a0-0000-7000-8000-000000000001",
        "scrub": scrub,
        "work": lambda: None,
        "fail": fail,
        "leave": leave,
        **more,
    }


def run(line: str, names: Namespace) -> None:
    with suppress(ValueError, KeyboardInterrupt):  # what `fail` and `leave` raise
        exec(line, names)


def sent(server: PostHogServer) -> dict[str, Any]:
    """Return what came, as the two sides should have it in common."""
    assert server.refusals == []
    return {
        "events": sorted(in_common(server.events), key=lambda event: str(event["event"])),
        "historical": {batch.historical_migration for batch in server.batches},
        "packed": {request.headers.get("content-encoding") for request in server.requests},
    }


@pytest.fixture
def servers() -> Iterator[tuple[PostHogServer, PostHogServer]]:
    there, here = PostHogServer(), PostHogServer()
    with there.serving(), here.serving():
        yield there, here


@pytest.fixture(autouse=True)
def hooks_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)


@pytest.mark.parametrize("pair", CLIENTS)
def test_a_client_of_its_own(
    pair: tuple[str, str], servers: tuple[PostHogServer, PostHogServer]
) -> None:
    for server, imports, line in zip(servers, IMPORTS, pair, strict=True):
        names = namespace(str(server.url))
        run(imports, names)
        run(line, names)
        names["client"].capture("signed_up", distinct_id="ada")
        sys.excepthook(ValueError, names["error"], names["error"].__traceback__)
        names["client"].shutdown()
        sys.excepthook = lambda *_: None
    there, here = map(sent, servers)
    assert there == here
    assert bool(there["events"]) is ("disabled" not in pair[0])


@pytest.mark.parametrize("pair", CALLS)
def test_a_call_of_a_client(
    pair: tuple[str, str], servers: tuple[PostHogServer, PostHogServer]
) -> None:
    of_the_sdk = {"new_context": posthog.new_context, "tag": posthog.tag}
    for server, first, line in zip(
        servers, zip(IMPORTS, CLIENTS[0], strict=True), pair, strict=True
    ):
        names = namespace(str(server.url), **of_the_sdk)
        for each in (*first, line):
            run(each, names)
        names["client"].shutdown()
    there, here = map(sent, servers)
    assert there == here
    assert bool(there["events"]) is ("unheard" not in pair[0])


@pytest.fixture
def ours(servers: tuple[PostHogServer, PostHogServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have posthog active, and nothing quiet; afterwards all is as before."""
    Path("telemetry.toml").write_text('active = ["posthog"]\nbase_dir = "base"\n', "utf-8")
    for name in ("CI", "PYTEST_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POSTHOG_API_KEY", "phc_key")
    monkeypatch.setenv("POSTHOG_HOST", str(servers[1].url))
    monkeypatch.setattr(telemetry_posthog.client, "_off", False)


@pytest.mark.parametrize("pair", CALLS_OF_MODULE)
@pytest.mark.usefixtures("ours")
def test_a_call_of_the_module(
    pair: tuple[str, str],
    servers: tuple[PostHogServer, PostHogServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("default_client", "api_key", "host", "disabled"):
        monkeypatch.setattr(posthog, name, getattr(posthog, name))
    for server, *lines in zip(servers, IMPORTS_OF_MODULE, SET_UP, pair, strict=True):
        names = namespace(str(server.url))
        for line in lines:
            run(line, names)
    posthog.shutdown()
    assert telemetry_core.flush(20)
    there, here = map(sent, servers)
    assert there == here
    assert bool(there["events"]) is ("unheard" not in pair[0])


@pytest.mark.parametrize("pair", CALLS_OF_GUIDE)
@pytest.mark.usefixtures("ours")
def test_a_call_of_the_guides_module(
    pair: tuple[str, str],
    servers: tuple[PostHogServer, PostHogServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    module = guide.module(str(servers[0].url))
    monkeypatch.setitem(sys.modules, "atopile", module)
    monkeypatch.setitem(sys.modules, "atopile.telemetry", module)
    for imports, line, source in zip(
        IMPORTS_OF_GUIDE, pair, (module, telemetry_posthog), strict=True
    ):
        private = ("_flush_telemetry_on_exit", "_get_telemetry_client")
        names = namespace("", **{name: getattr(source, name) for name in private})
        run(imports, names)
        run(line, names)
    module.client.shutdown()
    assert telemetry_core.flush(20)
    there, here = map(sent, servers)
    assert there == here
    assert bool(there["events"]) is ("unheard" not in pair[0])


def test_the_page_leaves_out_nothing_that_a_client_has() -> None:
    public = {
        name for name in dir(telemetry_posthog.TelemetryClient) if not name.startswith("_")
    } - {"of", "strict"}
    assert {name for name in public if f".{name}" not in PAGE} == set()
    named = {name for name in telemetry_posthog.__all__ if name.isupper()}
    assert {name for name in named if name not in PAGE} == set()
