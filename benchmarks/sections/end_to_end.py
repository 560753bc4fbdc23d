"""From the first event to the last delivered: how fast, at what cost, and whether all arrived."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.comparison import Column, Comparison
from benchmarks.peers.contender import BOUNDED, OTHERS, OURS, foreign, title
from benchmarks.peers.driver import WARM_MARKS, drive
from benchmarks.sink_server import SinkServer
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = 50_000
ROOM = 2 * EVENTS
DEFAULTS = "_defaults"
WITH_A_STORE = tuple(name for name in OURS if name != "ours_none")


def deliver(name: str, room: int | None, directory: str) -> dict[str, float]:
    """Have a contender tell all and deliver it; count what arrived by the marks of the events."""
    with SinkServer() as server:
        said = drive(name, "end_to_end", server.url, directory, EVENTS, room)
        found = said.get("found")
        counts = server.counts() if found is None else {int(m): n for m, n in found.items()}
        ended = server.last() if found is None else said["ended"]
    figures = account(counts)
    seconds = ended - said["began"]
    return figures | {
        "seconds": seconds,
        "per_second": figures["delivered"] / seconds,
        "told_s": said["told_s"],
        "cpu_ms": said["cpu_s"] / EVENTS * 1e6,  # milliseconds of a thousand events
        "peak_mb": said["peak_mb"],
    }


def account(counts: Mapping[int, int]) -> dict[str, float]:
    """Return how many of the events were delivered, lost, and delivered more than once."""
    ours = [often for mark, often in counts.items() if mark < WARM_MARKS]
    return {
        "delivered": len(ours),
        "lost": EVENTS - len(ours),
        "twice": sum(ours) - len(ours),
    }


def _place(name: str) -> int:
    """Return where a contender stands, so that its defaults follow it."""
    return (*OURS, *OTHERS).index(name)


_PLAIN = {name: (name, ROOM) for name in (*WITH_A_STORE, *OTHERS)}
_DEFAULTS = {f"{name}{DEFAULTS}": (name, None) for name in BOUNDED}
_ALL: dict[str, tuple[str, int | None]] = {**_PLAIN, **_DEFAULTS}
NEEDS = {**foreign(OTHERS), **{case: name for case, (name, _room) in _DEFAULTS.items()}}
ONCE = frozenset(
    {*_DEFAULTS, "snowplow", "logfire"}
)  # which take long, and show the same each time
CASES = {case: partial(deliver, name, room) for case, (name, room) in _ALL.items()}
_REMOTE = "end_to_end.ours_remote"
_BY_HAND = "end_to_end.by_hand"
ROWS = (
    Row("50 000 events over HTTP, first told to last delivered", _REMOTE, "seconds", "s", 0.7, floor=(_BY_HAND, "seconds")),
    Row("… CPU a thousand", _REMOTE, "cpu_ms", "ms", 14, floor=(_BY_HAND, "cpu_ms")),
    Row("… peak memory", _REMOTE, "peak_mb", "MB", 45, floor=(_BY_HAND, "peak_mb")),
    Row("… lost", _REMOTE, "lost", "", 0),
    Row("… delivered twice", _REMOTE, "twice", "", 0),
)  # fmt: skip
COMPARISONS = (
    Comparison(
        "50 000 events, from the first told to the last delivered",
        {
            title(name) + (" (its defaults)" if case.endswith(DEFAULTS) else ""): case
            for case, (name, _room) in sorted(_ALL.items(), key=lambda item: _place(item[1][0]))
        },
        (
            Column("events/s", "end_to_end", "per_second"),
            Column("CPU, ms a thousand told", "end_to_end", "cpu_ms"),
            Column("peak, MB", "end_to_end", "peak_mb"),
            Column("all told after, s", "end_to_end", "told_s", multiple=False),
            Column("delivered", "end_to_end", "delivered", multiple=False),
            Column("lost", "end_to_end", "lost", multiple=False),
            Column("twice", "end_to_end", "twice", multiple=False),
        ),
        "Each has room for all that waits where that has a setting; a line *its defaults* says what"
        " happens without. Sentry's bound of 1000 logs has no setting.",
    ),
)
