"""What a million events cost in memory while the remote is down, and what the bounds drop."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from benchmarks.door import Door
from benchmarks.peers.ours import client_in
from benchmarks.posting import PostingSink
from benchmarks.process import peak_mb
from benchmarks.story import EVENT, payloads
from benchmarks.table import Row
from telemetry_core import DeliverySettings

if TYPE_CHECKING:
    from telemetry_core import TelemetryClient

EVENTS = 1_000_000
LOOKS = (250_000, 500_000, EVENTS)
A_LONG_TIME = 100.0
A_MOMENT = 0.1


def refused(directory: str) -> dict[str, float]:
    """Tell a million events to a port that refuses, with room for all of them on the disk."""
    roomy = DeliverySettings(max_bytes=1 << 31, exit_timeout=0)
    with socket.socket() as nobody:  # bound, so that nobody else listens there either
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        client = client_in(directory, PostingSink(url), delivery=roomy)
        figures = {}
        for before, look in zip((0, *LOOKS), LOOKS, strict=False):
            _tell(client, look - before)
            figures[f"peak_mb_{look}"] = peak_mb()
        report = client.flush(A_MOMENT)
        client.close()
    growth = figures[f"peak_mb_{LOOKS[-1]}"] - figures[f"peak_mb_{LOOKS[0]}"]
    return figures | {
        "growth_mb": growth,
        "waiting": report.pending,
        "lost": EVENTS - report.pending,
    }


def bounded(directory: str) -> dict[str, float]:
    """Tell as many with the room of the defaults; then let in what is left, and count."""
    door = Door()
    client = client_in(directory, door)
    _tell(client, EVENTS)
    peak = peak_mb()
    door.open_for(EVENTS)
    report = client.flush(A_LONG_TIME)
    client.close()
    if report.pending:
        raise RuntimeError(f"not all was delivered: {report}")
    delivered = len(door.ids)
    return {
        "peak_mb": peak,
        "delivered": delivered,
        "dropped": report.dropped,
        "lost": EVENTS - delivered - report.dropped,
    }


def _tell(client: TelemetryClient, count: int) -> None:
    for payload in payloads(count):
        client.capture(EVENT, None, payload)


CASES = {"refused": refused, "bounded": bounded}
ONCE = frozenset(CASES)  # long, and steady
ROWS = (
    Row("1 000 000 events, remote refuses, peak memory", "memory.refused", "peak_mb_1000000", "MB", 60),
    Row("… at 250 000", "memory.refused", "peak_mb_250000", "MB"),
    Row("… at 500 000", "memory.refused", "peak_mb_500000", "MB"),
    Row("… more at the end than at 250 000", "memory.refused", "growth_mb", "MB", 2),
    Row("… waiting on the disk at the end", "memory.refused", "waiting", "events"),
    Row("… lost", "memory.refused", "lost", "events", 0),
    Row("the same with the default `max_bytes`, peak memory", "memory.bounded", "peak_mb", "MB", 60),
    Row("… dropped and counted", "memory.bounded", "dropped", "events"),
    Row("… delivered afterwards", "memory.bounded", "delivered", "events"),
    Row("… neither: lost", "memory.bounded", "lost", "events", 0),
)  # fmt: skip
