"""A sink over a temporary directory, on a clock that stands still."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry.clock import FakeClock
from telemetry_ndjson import NdjsonSink, NDJSONWriter

from telemetry_core import Batch, Kind, Lane, Record, RunEvent, RunRecord

if TYPE_CHECKING:
    from pathlib import Path


class BatchOf(Protocol):
    def __call__(self, *bodies: RunRecord | RunEvent) -> Batch: ...


class EventWith(Protocol):
    def __call__(self, payload: Any = None, **fields: Any) -> RunEvent: ...


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sink(tmp_path: Path, clock: FakeClock) -> NdjsonSink:
    return NdjsonSink(base_dir=tmp_path, clock=clock)


@pytest.fixture
def writer(tmp_path: Path, clock: FakeClock) -> NDJSONWriter:
    return NDJSONWriter(tmp_path / "raw", clock=clock)


@pytest.fixture
def today(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "events_20260101.ndjson"


@pytest.fixture
def event(clock: FakeClock) -> EventWith:
    counter = itertools.count(1)

    def build(payload: Any = None, **fields: Any) -> RunEvent:
        known: dict[str, Any] = {
            "event_id": f"event-{next(counter)}",
            "event_type": "page",
            "run_id": "run-1",
        }
        return RunEvent(**known | {"time_ns": clock.time_ns(), "payload": payload} | fields)

    return build


@pytest.fixture
def batch(clock: FakeClock) -> BatchOf:
    def build(*bodies: RunRecord | RunEvent) -> Batch:
        return Batch(tuple(_record(body, seq, clock) for seq, body in enumerate(bodies)))

    return build


def _record(body: RunRecord | RunEvent, seq: int, clock: FakeClock) -> Record:
    if isinstance(body, RunEvent):
        kind, lane = Kind.EVENT, Lane.STANDARD
    else:
        kind, lane = Kind.END_RUN if body.ended else Kind.START_RUN, Lane.CRITICAL
    return Record(f"record-{seq}", kind, seq, clock.time_ns(), lane, body)
