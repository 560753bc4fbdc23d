"""What every case tells, and how its calls are timed."""

from __future__ import annotations

from itertools import count, cycle, islice
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

EVENT = "page_fetched"
PAYLOADS: tuple[dict[str, Any], ...] = tuple(
    {
        "url": f"https://example.org/pages/{number}",
        "status": 200,
        "bytes": 51_200 + number,
        "cached": number % 3 == 0,
        "retries": 0,
        "elapsed_ms": 12.75 + number / 64,
        "host": f"crawler-{number % 4}",
        "queue": "nightly",
    }
    for number in range(64)
)


def payloads(count: int) -> Iterable[dict[str, Any]]:
    """Return so many payloads of eight properties."""
    return islice(cycle(PAYLOADS), count)


def mark(number: int) -> str:
    """Return the property by which an event is found again; `sink_server.marks` finds it."""
    return f"mk-{number:010d}-"


def marked(number: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """Give so many payloads, each with a mark of its own."""
    for each, payload in zip(count(first), payloads(number), strict=False):
        yield {**payload, "mark": mark(each)}


def laps(call: Callable[..., object], calls: Iterable[Sequence[object]]) -> list[int]:
    """Call with one set of arguments after another; return how long each took, in ns.

    The clock is asked twice a call, which adds some 0.05 µs to each.
    """
    taken = []
    for arguments in calls:
        since = perf_counter_ns()
        call(*arguments)
        taken.append(perf_counter_ns() - since)
    return taken


def spread(taken: Sequence[int]) -> dict[str, float]:
    """Return p50, mean and p99 in µs, and the worst in ms."""
    ordered = sorted(taken)
    return {
        "p50_us": ordered[len(ordered) // 2] / 1e3,
        "mean_us": sum(ordered) / len(ordered) / 1e3,
        "p99_us": ordered[len(ordered) * 99 // 100] / 1e3,
        "worst_ms": ordered[-1] / 1e6,
    }
