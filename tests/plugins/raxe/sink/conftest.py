"""The fake RAXE on a port of this machine, and sinks that send to it with the key of a situation."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry import Story
from telemetry_raxe import RaxeSink

from telemetry_core import Batch, Receipt, Record
from tests.plugins.raxe.shipper.conftest import SCAN, AnyAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry import FakeClock


class Sinks(Protocol):
    def __call__(self, situation: str = "ok", **settings: Any) -> RaxeSink: ...


class Ship(Protocol):
    def __call__(self, *records: Record, within: float = 30.0) -> Receipt: ...


@pytest.fixture
def server(clock: FakeClock) -> Iterator[AnyAnswer]:
    server = AnyAnswer(clock)
    with server.serving():
        yield server


@pytest.fixture
def sink_for(
    server: AnyAnswer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sinks]:
    """Return what makes a sink with the key of a situation; each is closed at the end."""
    with ExitStack() as ends:

        def make(situation: str = "ok", **settings: Any) -> RaxeSink:
            monkeypatch.setenv("RAXE_API_KEY", server.keys[situation])
            ours = {"endpoint": f"{server.url}/v1/telemetry", "clock": clock}
            sink = RaxeSink(**{**ours, **settings})
            ends.callback(sink.close)
            return sink

        yield make


def shipping(sink: RaxeSink) -> Ship:
    def ship(*records: Record, within: float = 30.0) -> Receipt:
        return sink.ship_batch(Batch(records, deadline=sink.clock.monotonic() + within))

    return ship


@pytest.fixture
def ship(sink_for: Sinks) -> Ship:
    return shipping(sink_for())


class Scans(Story):
    """Tells of scans."""

    def scan(self, **payload: Any) -> Record:
        return self.event("scan", payload={**SCAN, **payload}, context=None)

    def scans(self, count: int) -> list[Record]:
        return [self.scan() for _ in range(count)]


@pytest.fixture
def story() -> Scans:
    return Scans()
