"""What one call costs the program, ours beside the peers, while delivery goes on beside it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

from benchmarks.comparison import Column, Comparison
from benchmarks.peers.contender import OTHERS, OURS, foreign, title
from benchmarks.peers.driver import GOES_ON, LONGEST, drive
from benchmarks.peers.ours import client_in
from benchmarks.sink_server import SinkServer
from benchmarks.story import EVENT, laps, payloads, spread
from benchmarks.table import Row
from telemetry_core import DeliverySettings, hookimpl

if TYPE_CHECKING:
    from telemetry_core import RunEvent, RunRecord

EVENTS = 50_000
PACED = 1_000
ROOM = 4 * EVENTS
WARM = 2_000
A_BLOCK = 500
BLOCKS = 60
DEFAULT = ("sqlite", "ndjson")


class Listener:
    """Hears every event and does next to nothing with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard = 0

    @hookimpl
    def on_event(self, event: RunEvent, run: RunRecord | None) -> None:  # noqa: ARG002
        """Count."""
        self.heard += 1


def calls(name: str, directory: str) -> dict[str, float]:
    """Time a contender's calls: paced, in a burst, and from four threads, each from the start."""
    return {
        f"{what}_{figure}": value
        for what, number in (("paced", PACED), ("burst", EVENTS), ("threads", EVENTS))
        for figure, value in timed(name, what, number, Path(directory, what)).items()
    }


def timed(name: str, what: str, number: int, place: Path) -> dict[str, float]:
    """Time a contender's calls in one of the ways, in a directory made for it."""
    place.mkdir()
    with SinkServer() as server:
        return drive(name, what, server.url, str(place), number, ROOM)


def log_event_local(directory: str) -> dict[str, float]:
    """Log events of a run to the default sinks."""
    client = client_in(directory, active=DEFAULT)
    run = client.start_run("crawler", "crawl")
    laps(client.log_event, ((run, EVENT, payload) for payload in payloads(WARM)))
    client.flush()
    taken = laps(client.log_event, ((run, EVENT, payload) for payload in payloads(EVENTS)))
    client.close()
    return spread(taken)


def going_on(directory: str) -> dict[str, float]:
    """Log for longer than a burst lasts, and time what is logged while it is being delivered."""
    roomy = DeliverySettings(max_bytes=1 << 31)
    client = client_in(directory, active=DEFAULT, delivery=roomy)
    run = client.start_run("crawler", "crawl")
    taken: list[int] = []
    until = monotonic() + GOES_ON
    while monotonic() < until:
        laps(client.log_event, ((run, EVENT, payload) for payload in payloads(A_BLOCK)))
    while monotonic() < until + LONGEST:
        taken += laps(client.log_event, ((run, EVENT, payload) for payload in payloads(A_BLOCK)))
    client.close()
    return spread(taken)


def three_listeners(directory: str) -> dict[str, float]:
    """Compare blocks of calls without and with listeners, in turn; no sink takes part."""
    listeners = [Listener(f"listener-{number}") for number in range(3)]
    clients = [
        client_in(Path(directory, "without")),
        client_in(Path(directory, "with"), *listeners),
    ]
    blocks: list[list[float]] = [[], []]
    for _ in range(BLOCKS):
        for client, taken in zip(clients, blocks, strict=True):
            told = ((None, EVENT, payload) for payload in payloads(A_BLOCK))
            taken.append(median(laps(client.log_event, told)))
    without, with_them = map(median, blocks)
    return {"more_us": (with_them - without) / 1e3}


NEEDS = foreign(OTHERS)
CASES = {
    **{name: partial(calls, name) for name in (*OURS, *OTHERS)},
    "log_event": log_event_local,
    "going_on": going_on,
    "listeners": three_listeners,
}
_WRITE = ("floor.write", "p50_us")
_MEAN = ("floor.write", "mean_us")
_LOCAL, _REMOTE, _LOGGED = "hot_path.ours_local", "hot_path.ours_remote", "hot_path.log_event"
ROWS = (
    Row("`capture`, default sinks, p50", _LOCAL, "burst_p50_us", "µs", 5, floor=_WRITE),
    Row("… mean", _LOCAL, "burst_mean_us", "µs", 6, floor=_MEAN),
    Row("`log_event`, default sinks, p50", _LOGGED, "p50_us", "µs", 5, floor=_WRITE),
    Row("… mean", _LOGGED, "mean_us", "µs", 6, floor=_MEAN),
    Row("… mean of its second second without a pause, delivery beside it", "hot_path.going_on", "mean_us", "µs", steady=False),
    Row("`capture`, a remote shipping, p50", _REMOTE, "burst_p50_us", "µs", 5, floor=_WRITE),
    Row("… mean", _REMOTE, "burst_mean_us", "µs", 11, floor=_MEAN),
    Row("4 threads, default sinks, p99", _LOCAL, "threads_p99_us", "µs", 1000, steady=False),
    Row("4 threads, a remote, p99", _REMOTE, "threads_p99_us", "µs", 1000, steady=False),
    Row("three listeners more", "hot_path.listeners", "more_us", "µs", 0.5, steady=False),
)  # fmt: skip
COMPARISONS = (
    Comparison(
        "What a call costs the program (eight properties; µs, the worst in ms)",
        {title(name): name for name in (*OURS, *OTHERS)},
        (
            Column("p50", "hot_path", "burst_p50_us"),
            Column("p99", "hot_path", "burst_p99_us", multiple=False),
            Column("worst", "hot_path", "burst_worst_ms", multiple=False),
            Column("4 threads, p50", "hot_path", "threads_p50_us"),
            Column("p99", "hot_path", "threads_p99_us", multiple=False),
            Column("worst", "hot_path", "threads_worst_ms", multiple=False),
            Column("paced, p50", "hot_path", "paced_p50_us"),
            Column("p99", "hot_path", "paced_p99_us", multiple=False),
        ),
        "Calls in a row, 50 000 or as many as a second has room for, by one thread and by four."
        " *Paced* is a call each half millisecond, when that has gone on for a while. Ours delivers a"
        " burst after it: for a second its workers hold back, so that what delivery takes from calls"
        " shows in *paced*. Nothing is dropped for want of room where that has a setting.",
    ),
)
