"""The posthog sink beside PostHog's own client, in turn: a call, a delivery, an exit, a start."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from benchmarks.sections.end_to_end import ROOM, deliver
from benchmarks.sections.exiting import BUDGET, STATES, leave_once
from benchmarks.sections.hot_path import EVENTS, timed
from benchmarks.sections.starting import best_of_starts
from benchmarks.table import Row

SINK, CLIENT = "ours_posthog", "posthog"
LEFT = 20
_IMPORTS = {
    "module": "import time, telemetry_posthog",
    "calls": "import time; from telemetry_posthog import capture, capture_exception, client, flush",
    "sink": "import time; from telemetry_posthog import PostHogSink",
}


def calls(directory: str) -> dict[str, float]:
    """Time calls in a row, through the sink and of the client."""
    ours, theirs = (timed(name, "burst", EVENTS, Path(directory, name)) for name in (SINK, CLIENT))
    return {
        "p50_us": ours["p50_us"],
        "mean_us": ours["mean_us"],
        "client_p50_us": theirs["p50_us"],
        "cheaper": theirs["p50_us"] / ours["p50_us"],
    }


def delivery(directory: str) -> dict[str, float]:
    """Tell all to the sink and have it delivered, then to the client."""
    each = []
    for name in (SINK, CLIENT):
        place = Path(directory, name)
        place.mkdir()
        each.append(deliver(name, ROOM, str(place)))
    ours, theirs = each
    return ours | {
        "client_seconds": theirs["seconds"],
        "client_cpu_ms": theirs["cpu_ms"],
        "client_lost": theirs["lost"],
        "quicker": ours["per_second"] / theirs["per_second"],
        "of_the_cpu": ours["cpu_ms"] / theirs["cpu_ms"],
    }


def leaving(directory: str) -> dict[str, float]:
    """End a program whose PostHog accepts and never answers."""
    return leave_once(SINK, LEFT, Path(directory, "hung"), STATES["hung"])


def importing(directory: str) -> dict[str, float]:
    """Import the module, its functions and its sink, in turn with a bare interpreter."""
    taken = best_of_starts(sys.executable, _IMPORTS, directory)
    over_bare = {f"{name}_ms": (taken[name] - taken["bare"]) * 1e3 for name in _IMPORTS}
    return over_bare | {"bare_ms": taken["bare"] * 1e3}


NEEDS = {"calls": CLIENT, "delivery": CLIENT}
CASES = {
    "by_hand": partial(deliver, "by_hand", None),
    "calls": calls,
    "delivery": delivery,
    "leaving": leaving,
    "importing": importing,
}
_WRITE, _MEAN = ("floor.write", "p50_us"), ("floor.write", "mean_us")
_CALLS, _DELIVERY, _BY_HAND = "posthog.calls", "posthog.delivery", "posthog.by_hand"
_LEAVING, _IMPORTING = "posthog.leaving", "posthog.importing"
_BARE = (_IMPORTING, "bare_ms")
ROWS = (
    Row("floor: 50 000 events posted by hand", _BY_HAND, "seconds", "s"),
    Row("floor: the same, CPU a thousand", _BY_HAND, "cpu_ms", "ms"),
    Row("floor: bare Python", *_BARE, "ms"),
    Row("`capture` through the posthog sink, p50", _CALLS, "p50_us", "µs", 5, floor=_WRITE),
    Row("… mean", _CALLS, "mean_us", "µs", floor=_MEAN),
    Row("… of PostHog's own client, p50", _CALLS, "client_p50_us", "µs", floor=_WRITE),
    Row("… so many times what it is through the sink", _CALLS, "cheaper", "x", 8, at_least=True),
    Row("50 000 events to PostHog, first told to last delivered", _DELIVERY, "seconds", "s", floor=(_BY_HAND, "seconds")),
    Row("… by PostHog's own client", _DELIVERY, "client_seconds", "s", floor=(_BY_HAND, "seconds")),
    Row("… the sink's events a second, a multiple of its", _DELIVERY, "quicker", "x", 4, at_least=True),
    Row("… CPU a thousand, the sink", _DELIVERY, "cpu_ms", "ms", floor=(_BY_HAND, "cpu_ms")),
    Row("… PostHog's own client", _DELIVERY, "client_cpu_ms", "ms", floor=(_BY_HAND, "cpu_ms")),
    Row("… the sink's as a part of it", _DELIVERY, "of_the_cpu", "x", 0.25),
    Row("… peak memory", _DELIVERY, "peak_mb", "MB"),
    Row("… lost", _DELIVERY, "lost", "", 0),
    Row("… delivered twice", _DELIVERY, "twice", "", 0),
    Row("… lost by PostHog's own client", _DELIVERY, "client_lost"),
    Row("exit, a PostHog that never answers", _LEAVING, "s", "s", BUDGET),
    Row("… delivered by the next process", _LEAVING, "later"),
    Row("… lost", _LEAVING, "lost", "", 0),
    Row("`import telemetry_posthog`, over bare Python", _IMPORTING, "module_ms", "ms", 60, floor=_BARE),
    Row("… its `capture`, `client` and what goes with them", _IMPORTING, "calls_ms", "ms", 60, floor=_BARE),
    Row("… its `PostHogSink`", _IMPORTING, "sink_ms", "ms", 60, floor=_BARE),
)  # fmt: skip
