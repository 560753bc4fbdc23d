"""The fake PostHog on a port of this machine, and sinks that send to it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry import FakeClock, PostHogServer, Story
from telemetry_posthog import PostHogSink

from telemetry_core import Batch, Receipt, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "phc_hunter2"


class Ship(Protocol):
    def __call__(self, *records: Record, within: float = 30.0) -> Receipt: ...


class Sinks(Protocol):
    def __call__(self, **settings: Any) -> PostHogSink: ...


class Sent(Protocol):
    def __call__(self, record: Record, **settings: Any) -> dict[str, Any]: ...


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def server() -> Iterator[PostHogServer]:
    server = PostHogServer()
    server.keys.add(KEY)
    with server.serving():
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sink_for(server: PostHogServer, clock: FakeClock, tmp_path: Path) -> Iterator[Sinks]:
    """Return what makes a sink for the server; each is closed at the end."""
    with ExitStack() as ends:

        def make(**settings: Any) -> PostHogSink:
            ours = {"api_key": KEY, "host": server.url, "clock": clock, "state_dir": tmp_path}
            sink = PostHogSink(**{**ours, **settings})
            ends.callback(sink.close)
            return sink

        yield make


def shipping(sink: PostHogSink) -> Ship:
    def ship(*records: Record, within: float = 30.0) -> Receipt:
        return sink.ship_batch(Batch(records, deadline=sink.clock.monotonic() + within))

    return ship


@pytest.fixture
def ship(sink_for: Sinks) -> Ship:
    return shipping(sink_for())


def body_of(server: PostHogServer) -> dict[str, Any]:
    """Return what the latest request said."""
    body: dict[str, Any] = json.loads(server.requests[-1].content())
    return body


@pytest.fixture
def sent(server: PostHogServer, sink_for: Sinks) -> Sent:
    """Return what sends a record and returns the event it became."""

    def send(record: Record, **settings: Any) -> dict[str, Any]:
        assert shipping(sink_for(**settings))(record).delivered == {record.id}
        event: dict[str, Any] = body_of(server)["batch"][-1]
        return event

    return send
