"""A run service of either kind on a port of this machine, and a sink that sends to it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry import FakeClock, RunsServer, Story
from telemetry_http_api import HttpApiSink

from telemetry_core import Batch, Receipt, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "hunter2-token"


class Ship(Protocol):
    def __call__(self, *records: Record, within: float = 30.0) -> Receipt: ...


class Sinks(Protocol):
    def __call__(self, server: RunsServer, **settings: Any) -> HttpApiSink: ...


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def server() -> Iterator[RunsServer]:
    """Our own service."""
    server = RunsServer()
    with server.serving():
        yield server


@pytest.fixture
def reference() -> Iterator[RunsServer]:
    """The service of the original project, which knows runs only."""
    server = RunsServer(reference=True)
    with server.serving():
        yield server


@pytest.fixture(params=["ours", "reference"])
def either(request: pytest.FixtureRequest) -> RunsServer:
    """Each of them in turn."""
    found: RunsServer = request.getfixturevalue(
        "server" if request.param == "ours" else "reference"
    )
    return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sink_for(clock: FakeClock) -> Iterator[Sinks]:
    """Return what makes a sink for a server; each is closed at the end."""
    with ExitStack() as ends:

        def make(server: RunsServer, **settings: Any) -> HttpApiSink:
            sink = HttpApiSink(**{"url": server.url, "clock": clock, **settings})
            ends.callback(sink.close)
            return sink

        yield make


@pytest.fixture
def sink(server: RunsServer, sink_for: Sinks) -> HttpApiSink:
    return sink_for(server)


@pytest.fixture
def old_sink(reference: RunsServer, sink_for: Sinks) -> HttpApiSink:
    """A sink for the service that knows runs only."""
    return sink_for(reference)


@pytest.fixture
def ship(sink: HttpApiSink) -> Ship:
    return shipping(sink)


@pytest.fixture
def ship_old(old_sink: HttpApiSink) -> Ship:
    return shipping(old_sink)


@pytest.fixture
def told(either: RunsServer, sink_for: Sinks) -> Ship:
    """Return what ships to either."""
    return shipping(sink_for(either))


def shipping(sink: HttpApiSink) -> Ship:
    def ship(*records: Record, within: float = 30.0) -> Receipt:
        return sink.ship_batch(Batch(records, deadline=sink.clock.monotonic() + within))

    return ship


def calls(server: RunsServer) -> list[str]:
    """Return what a server was asked, without ids and queries."""
    shown = []
    for request in server.requests:
        parts = request.path.split("/")
        if parts[:4] == ["", "api", "v1", "runs"] and len(parts) > 4 and parts[4] != "batch":
            parts[4] = "ID"
        shown.append(f"{request.method} {'/'.join(parts)}")
    return shown
