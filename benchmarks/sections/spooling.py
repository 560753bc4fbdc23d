"""What the spool takes by itself, written by one process and by four."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

from benchmarks.cases import run_together
from benchmarks.story import laps, spread
from benchmarks.table import Row
from telemetry_core import SystemClock
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.records import Lane

RECORDS = 250_000
PROCESSES = 4
LINE = b'{"kind":"event","id":"%036d","seq":1,"time":1763640000000000000,"body":{"payload":"%b"}}' % (
    0,
    b"x" * 150,
)  # fmt: skip


def one_process(directory: str) -> dict[str, float]:
    """Put ready lines as fast as one process can."""
    spool = Spool(Path(directory), "benchmark", clock=SystemClock(), max_bytes=1 << 31)
    spool.outbox("nobody")
    put = spool.put
    put(Lane.STANDARD, LINE)
    since = perf_counter()
    for _ in range(RECORDS):
        put(Lane.STANDARD, LINE)
    seconds = perf_counter() - since
    taken = laps(put, ((Lane.STANDARD, LINE) for _ in range(RECORDS)))
    spool.writer.shut()
    return {"per_second": RECORDS / seconds} | spread(taken)


def four_processes(directory: str) -> dict[str, float]:
    """Do the same in four processes that share one directory."""
    each = run_together("spooling", "one", directory, PROCESSES)
    return {
        "per_second": sum(figures["per_second"] for figures in each),
        "worst_ms": max(figures["worst_ms"] for figures in each),
    }


CASES = {"one": one_process, "four": four_processes}
_CORES = min(PROCESSES, os.cpu_count() or 1)
_WRITES = ("floor.write", "per_second")
ROWS = (
    Row(
        "spool, one process",
        "spooling.one",
        "per_second",
        "/s",
        250_000,
        at_least=True,
        floor=_WRITES,
    ),
    Row("… worst put", "spooling.one", "worst_ms", "ms", 50, steady=False),
    Row(
        f"spool, four processes together on {_CORES} cores",
        "spooling.four",
        "per_second",
        "/s",
        250_000,
        at_least=True,
        floor=_WRITES,
    ),
    Row("… worst put", "spooling.four", "worst_ms", "ms", 50, steady=False),
)
