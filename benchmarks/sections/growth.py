"""What an event costs while many others wait: its caller, its delivery, and the workers."""

from __future__ import annotations

import time
from time import process_time
from typing import TYPE_CHECKING

from benchmarks.door import Door
from benchmarks.peers.ours import client_in
from benchmarks.story import EVENT, laps, payloads, spread
from benchmarks.table import Row
from telemetry_core import DeliverySettings

if TYPE_CHECKING:
    from telemetry_core import TelemetryClient

LEVELS = (1_000, 10_000, 100_000, 1_000_000)
MOST_TOLD = 10_000  # and delivered, at each level; at the first one as many as there are
A_LOOK = 2.0  # seconds: whatever the workers do now and then falls into it
A_LONG_TIME = 60.0


def pending(directory: str) -> dict[str, float]:
    """Fill a spool whose remote is down; at each level tell, look at the workers, and deliver."""
    door = Door()
    delivery = DeliverySettings(max_bytes=1 << 31, exit_timeout=0)
    client = client_in(directory, door, delivery=delivery)
    told = 0
    figures: dict[str, float] = {}
    for level in LEVELS:
        more, count = level - (told - len(door.ids)), min(level, MOST_TOLD)
        for payload in payloads(more):
            client.capture(EVENT, None, payload)
        taken = laps(lambda p: client.capture(EVENT, None, p), zip(payloads(count), strict=True))
        told += more + count
        found = spread(taken) | _watched(client, door) | _delivered(client, door, count)
        figures |= {f"{name}_{level}": value for name, value in found.items()}
    return figures | _growth(figures)


def _watched(client: TelemetryClient, door: Door) -> dict[str, float]:
    """Have the remote ask for a pause, do nothing, and see what the workers do in it."""
    door.retry_after = A_LOOK
    client.flush(A_LONG_TIME)  # goes past back-off and circuit, so that every level begins alike
    since = process_time()
    time.sleep(A_LOOK)
    return {"workers_ms": (process_time() - since) / A_LOOK * 1e3}


def _delivered(client: TelemetryClient, door: Door, count: int) -> dict[str, float]:
    door.open_for(count)
    client.flush(A_LONG_TIME)
    if door.accepts > 0:
        raise RuntimeError(f"{door.accepts} of {count} were not delivered")
    return {"cpu_us": door.cpu_seconds / count * 1e6}


def _growth(figures: dict[str, float]) -> dict[str, float]:
    """Return each figure with the most pending as a multiple of what it is with the fewest."""
    few, many = f"_{LEVELS[0]}", f"_{LEVELS[-1]}"
    names = [name.removesuffix(few) for name in figures if name.endswith(few)]
    return {f"{name}_grows": figures[name + many] / figures[name + few] for name in names}


def _rows(what: str, figure: str, unit: str, *, steady: bool = True) -> tuple[Row, ...]:
    first, *others = LEVELS
    return (
        Row(f"{what}, {_spaced(first)} pending", "growth.pending", f"{figure}_{first}", unit),
        *(
            Row(f"… {_spaced(level)}", "growth.pending", f"{figure}_{level}", unit)
            for level in others
        ),
        Row(
            "… the last as a multiple of the first",
            "growth.pending",
            f"{figure}_grows",
            "x",
            steady=steady,
        ),
    )


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


CASES = {"pending": pending}
ONCE = frozenset(CASES)  # long, and each level has thousands of events
ROWS = (
    *_rows("`capture`, p50", "p50_us", "µs"),
    *_rows("`capture`, mean", "mean_us", "µs", steady=False),
    *_rows("CPU to deliver an event", "cpu_us", "µs"),
    *_rows("CPU of the workers a second, paused by the remote", "workers_ms", "ms", steady=False),
)
