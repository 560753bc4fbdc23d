"""What every program that gets broken shares: it tells numbered events, and notes which were taken.

The note of a call lies in a file that is mapped into memory, so that no kill loses it. Such a
program begins with `from tests.chaos.programs import *`, and only talks to the public API.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import sys
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.story import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry_core import FlushReport, TelemetryClient

__all__ = [
    "Path",
    "admit",
    "capture",
    "confirm",
    "counted",
    "event",
    "mark",
    "os",
    "run_id",
    "say",
    "signal",
    "sys",
    "threading",
]

MOST = 1_000_000  # numbers; a byte each
BEGUN, RETURNED, CONFIRMED = 1, 2, 3
TALLY, ADMISSIONS = "CHAOS_TALLY", "CHAOS_ADMISSIONS"


def event(number: int, size: int = 0) -> dict[str, Any]:
    """Return the properties of an event, from which one sees whether it arrived whole."""
    return {"mark": mark(number), "text": "x" * (number % 97 + size), "size": size}


def counted(numbers: Iterable[int]) -> Iterator[int]:
    """Give each number to a loop whose body is the call: noted as begun, then as returned."""
    tally = _tally()
    for number in numbers:
        tally[number] = BEGUN
        yield number
        tally[number] = RETURNED


def confirm(delivered: object, numbers: Iterable[int]) -> None:
    """Note of numbers, when it is true, that somebody else said to have them."""
    for number in numbers if delivered else ():
        _tally()[number] = CONFIRMED


def capture(client: TelemetryClient, numbers: Iterable[int], size: int = 0) -> None:
    """Tell the numbers as events on their own."""
    for number in counted(numbers):
        client.capture("said", properties=event(number, size))


def say(client: TelemetryClient, run_id: str, numbers: Iterable[int], size: int = 0) -> None:
    """Tell the numbers as events of a run."""
    for number in counted(numbers):
        client.log_event(run_id, "said", event(number, size))


def run_id(client: TelemetryClient) -> str:
    """Start a run and return its id."""
    return client.start_run("agent", "job")


def admit(report: FlushReport) -> None:
    """Hand on what the client itself counts as gone, for the account."""
    gone = {"dropped": sum(sink.dropped for sink in report.sinks.values())}
    gone["not accepted"] = report.not_accepted
    with Path(os.environ[ADMISSIONS]).open("a") as file:
        file.write(json.dumps(gone) + "\n")


@cache
def _tally() -> mmap.mmap:
    """Return the map of this process, always the same; a child's is shared with its parent's."""
    descriptor = os.open(os.environ[TALLY], os.O_RDWR)
    try:
        return mmap.mmap(descriptor, MOST)
    finally:
        os.close(descriptor)
