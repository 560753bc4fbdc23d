"""Delivery into SQLite, by a client from its spool, and by four processes at once."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from time import perf_counter, process_time

from telemetry_sqlite import SqliteSink

from benchmarks.cases import run_together
from benchmarks.peers.ours import client_in
from benchmarks.story import EVENT, payloads
from benchmarks.table import Row
from telemetry_core import (
    Batch,
    DeliverySettings,
    Kind,
    Lane,
    Record,
    RunEvent,
    SystemClock,
)
from telemetry_core.ids import RandomIds

EVENTS = 60_000
BATCHES = 60
PROCESSES = 4
NOT_BEFORE_ASKED = 60.0


def backlog(directory: str) -> dict[str, float]:
    """Deliver by `flush` what waits in the spool; nobody records meanwhile."""
    lingering = DeliverySettings(linger=NOT_BEFORE_ASKED)
    client = client_in(directory, active=("sqlite",), delivery=lingering)
    client.capture("the first opens everything")
    client.flush()
    for payload in payloads(EVENTS):
        client.capture(EVENT, None, payload)
    since, cpu_since = perf_counter(), process_time()
    report = client.flush(NOT_BEFORE_ASKED)
    seconds, cpu = perf_counter() - since, process_time() - cpu_since
    client.close()
    if report.delivered <= EVENTS:
        raise RuntimeError(f"not all was delivered: {report}")
    return {"per_second": EVENTS / seconds, "cpu_us": cpu / EVENTS * 1e6}


def one_writer(directory: str) -> dict[str, float]:
    """Hand full batches to the sink alone."""
    sink = SqliteSink(db_path=Path(directory, "shared.sqlite"))
    ids, clock = RandomIds(), SystemClock()
    waits = []
    for number in range(BATCHES):
        batch = _batch(ids, clock.time_ns(), number)
        since = perf_counter()
        sink.ship_batch(batch)
        waits.append(perf_counter() - since)
    sink.close()
    return {
        "per_second": BATCHES * SqliteSink.batch_size / sum(waits),
        "worst_ms": max(waits) * 1e3,
        "seconds": sum(waits),
    }


def four_writers(directory: str) -> dict[str, float]:
    """Have four processes hand as many batches each to one database."""
    each = run_together("sqlite_delivery", "one", directory, PROCESSES)
    seconds = [figures["seconds"] for figures in each]
    return {
        "per_second": PROCESSES * BATCHES * SqliteSink.batch_size / max(seconds),
        "worst_ms": max(figures["worst_ms"] for figures in each),
        "slowest_by_fastest": max(seconds) / min(seconds),
    }


def _batch(ids: RandomIds, now: int, number: int) -> Batch:
    size = SqliteSink.batch_size
    records = []
    for seq, payload in zip(count(number * size), payloads(size), strict=False):
        event = RunEvent(ids.event_id(now), EVENT, now, "20260101T000000Z-crawler-0", payload)
        records.append(Record(event.event_id, Kind.EVENT, seq, now, Lane.STANDARD, event))
    return Batch(tuple(records))


CASES = {"backlog": backlog, "one": one_writer, "four": four_writers}
_INSERT = ("floor.insert", "per_second")
ROWS = (
    Row(
        "spool to SQLite (DELETE, FULL), one client",
        "sqlite_delivery.backlog",
        "per_second",
        "/s",
        60_000,
        at_least=True,
        floor=_INSERT,
    ),
    Row("… CPU a record", "sqlite_delivery.backlog", "cpu_us", "µs"),
    Row("the sink alone", "sqlite_delivery.one", "per_second", "/s", at_least=True, floor=_INSERT),
    Row(
        "four processes, one database, together",
        "sqlite_delivery.four",
        "per_second",
        "/s",
        at_least=True,
        floor=_INSERT,
    ),
    Row("… worst wait of a batch", "sqlite_delivery.four", "worst_ms", "ms", 200, steady=False),
    Row(
        "… slowest as a multiple of the fastest",
        "sqlite_delivery.four",
        "slowest_by_fastest",
        "x",
        1.5,
        steady=False,
    ),
)
