"""Rows 1 to 4: what one call costs the program, while the sinks are being delivered to."""

from __future__ import annotations

import resource
import threading
from itertools import repeat
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from benchmarks.cases import helper
from benchmarks.posting import PostingSink
from benchmarks.story import EVENT, laps, payloads, spread
from benchmarks.table import Row
from telemetry_core import TelemetryClient, TelemetryConfig, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry_core import RunEvent, RunRecord

EVENTS = 50_000
WARM = 2_000
RUNS = 5_000
THREADS = 4
A_BLOCK = 500
BLOCKS = 60
ALL_DELIVERED = 60.0


class Listener:
    """Hears every event and does next to nothing with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard = 0

    @hookimpl
    def on_event(self, event: RunEvent, run: RunRecord | None) -> None:  # noqa: ARG002
        """Count."""
        self.heard += 1


def log_event_local(directory: str) -> dict[str, float]:
    """Log events to the default sinks."""
    return _logged(_client(directory))


def log_event_remote(directory: str) -> dict[str, float]:
    """Log events to one sink that posts to a server in a process of its own."""
    with helper("benchmarks.loopback") as url:
        return _logged(_client(directory, PostingSink(url), active=()))


def capture_local(directory: str) -> dict[str, float]:
    """Capture events with the default sinks."""
    client = _client(directory)
    return _told(client, lambda payload: client.capture(EVENT, "user-1", payload))


def log_event_threads(directory: str) -> dict[str, float]:
    """Log from four threads at once."""
    client = _client(directory)
    run = client.start_run("crawler", "crawl")
    taken: list[list[int]] = []

    def work() -> None:
        calls = ((run, EVENT, payload) for payload in payloads(EVENTS // THREADS))
        taken.append(laps(client.log_event, calls))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    return spread([lap for some in taken for lap in some])


def three_listeners(directory: str) -> dict[str, float]:
    """Compare blocks of calls without and with listeners, in turn; no sink takes part."""
    listeners = [Listener(f"listener-{number}") for number in range(3)]
    clients = [
        _client(Path(directory, "without"), active=()),
        _client(Path(directory, "with"), *listeners, active=()),
    ]
    blocks: list[list[float]] = [[], []]
    for _ in range(BLOCKS):
        for client, taken in zip(clients, blocks, strict=True):
            calls = ((None, EVENT, payload) for payload in payloads(A_BLOCK))
            taken.append(median(laps(client.log_event, calls)))
    without, with_them = map(median, blocks)
    return {"more_us": (with_them - without) / 1e3}


def runs_local(directory: str) -> dict[str, float]:
    """Start and end runs, with the default sinks."""
    client = _client(directory)

    def run() -> None:
        client.end_run(client.start_run("crawler", "crawl"))

    laps(run, repeat((), WARM // 10))
    taken = laps(run, repeat((), RUNS))
    client.close()
    return spread(taken)


def _client(
    directory: str | Path, *plugins: object, active: tuple[str, ...] = ("sqlite", "ndjson")
) -> TelemetryClient:
    config = TelemetryConfig(base_dir=Path(directory, "base"), active=active)
    return TelemetryClient(config, plugins=plugins)


def _logged(client: TelemetryClient) -> dict[str, float]:
    run = client.start_run("crawler", "crawl")
    return _told(client, lambda payload: client.log_event(run, EVENT, payload))


def _told(client: TelemetryClient, tell: Callable[..., object]) -> dict[str, float]:
    """Warm up, tell all, have it delivered; return the calls' figures and what all of it cost."""
    laps(tell, _each(WARM))
    client.flush(ALL_DELIVERED)
    since, cpu_since = perf_counter(), process_time()
    taken = laps(tell, _each(EVENTS))
    report = client.flush(ALL_DELIVERED)
    seconds, cpu = perf_counter() - since, process_time() - cpu_since
    client.close()
    if not report:
        raise RuntimeError(f"not all was delivered: {report}")
    return spread(taken) | {
        "delivered_s": seconds,
        "cpu_us": cpu / EVENTS * 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _each(count: int) -> Iterable[tuple[object]]:
    return ((payload,) for payload in payloads(count))


CASES = {
    "local": log_event_local,
    "remote": log_event_remote,
    "capture": capture_local,
    "threads": log_event_threads,
    "listeners": three_listeners,
    "runs": runs_local,
}
_WRITE = ("floor.write", "p50_us")
_WRITE_MEAN = ("floor.write", "mean_us")
ROWS = (
    Row("`log_event`, default sinks, p50", "hot_path.local", "p50_us", "µs", 5, floor=_WRITE),
    Row("… mean", "hot_path.local", "mean_us", "µs", 6, floor=_WRITE_MEAN),
    Row("… p99", "hot_path.local", "p99_us", "µs"),
    Row("… worst", "hot_path.local", "worst_ms", "ms"),
    Row("… CPU an event, delivery included", "hot_path.local", "cpu_us", "µs"),
    Row("`capture`, default sinks, p50", "hot_path.capture", "p50_us", "µs", 5, floor=_WRITE),
    Row("… mean", "hot_path.capture", "mean_us", "µs", 6, floor=_WRITE_MEAN),
    Row("`log_event`, a remote shipping, p50", "hot_path.remote", "p50_us", "µs", 5, floor=_WRITE),
    Row("… mean", "hot_path.remote", "mean_us", "µs", 11, floor=_WRITE_MEAN),
    Row("… 50 000 events until all are delivered", "hot_path.remote", "delivered_s", "s", 0.7),
    Row("… CPU an event, delivery included", "hot_path.remote", "cpu_us", "µs", 14),
    Row("… peak memory", "hot_path.remote", "peak_mb", "MB", 45),
    Row("4 threads, p99", "hot_path.threads", "p99_us", "µs", 1000),
    Row("three listeners more", "hot_path.listeners", "more_us", "µs", 0.5),
    Row("`start_run` + `end_run`, p50", "hot_path.runs", "p50_us", "µs", 20),
)
