"""A spool over a temporary folder, and records to put into it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.codec import encode
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.models import RunEvent, RunRecord
from telemetry_core.records import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock

MakeSpool = Callable[..., Spool]
MakeLine = Callable[..., bytes]


def ids(
    spool: Spool, sink: str = "sink", *, limit: int = 1000, max_bytes: int = 1 << 20
) -> list[str]:
    """Take the next records of a sink, and return their ids."""
    return [record.id for record in spool.outboxes[sink].take(limit, max_bytes)]


def crash(spool: Spool) -> Path:
    """End as a killed process does: the kernel lets the lock go, the files stay."""
    folder = spool.writer.folder
    assert folder is not None
    spool.writer.shut()
    folder.close()
    spool.writer.folder = None
    return folder.path


@pytest.fixture
def make_spool(tmp_path: Path, telemetry_clock: FakeClock) -> Iterator[MakeSpool]:
    """Return a function that opens a spool in the test's folder, as one more client would."""
    spools: list[Spool] = []

    def make(
        *sinks: str, service: str = "svc", destination: str | None = "there", **kw: Any
    ) -> Spool:
        spool = Spool(tmp_path, service, clock=telemetry_clock, **kw)
        for sink in sinks or ("sink",):
            spool.outbox(sink)
            spool.sink_is_live(sink, destination)
        spools.append(spool)
        return spool

    yield make
    for spool in spools:
        spool.close()


@pytest.fixture
def line() -> MakeLine:
    """Return a function that makes the line of an event, `e1`, `e2`, … unless told otherwise."""
    numbers = itertools.count(1)

    def make(event_id: str | None = None, payload: Any = None) -> bytes:
        number = next(numbers)
        record_id = event_id or f"e{number}"
        event = RunEvent(record_id, "happened", 1_000 + number, None, payload)
        return encode(record_id, Kind.EVENT, number, event.time_ns, event)

    return make


@pytest.fixture
def run_line() -> Callable[..., bytes]:
    """Return a function that makes the line of a run's record."""

    def make(run_id: str, kind: Kind = Kind.START_RUN, **fields: Any) -> bytes:
        run = RunRecord(run_id, "agent", "job", event_id=f"id-{run_id}", **fields)
        return encode(f"{kind.value}-{run_id}", kind, 1, 1_000, run)

    return make
