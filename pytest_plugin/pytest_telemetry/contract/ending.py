"""Checks that a sink ends quietly and leaves nothing behind."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from pytest_telemetry.contract.author import Author, unchecked
from pytest_telemetry.contract.rules import CLOSED, NOTHING_LEFT

if TYPE_CHECKING:
    from pytest_telemetry.contract.bench import Bench, Driven

ROUNDS = 20
DESCRIPTORS = ("/proc/self/fd", "/dev/fd")


class Ending(Author):
    """What is left."""

    def test_closing_raises_nothing(self, bench: Bench) -> None:
        """Close a sink that was never used, one that was, and each a second time."""
        unused, used = bench.place().build(), bench.place().build()
        used.deliver(bench.story.told(), CLOSED)
        for what, sink in (("unused", unused), ("used", used)):
            _close(sink, f"close of the {what} sink")
            _close(sink, f"a second close of the {what} sink")
            sink.calls.end()

    def test_no_thread_outlives_its_close(self, bench: Bench) -> None:
        """Compare the threads before the sink was built and after it was closed."""
        before = set(threading.enumerate())
        with bench.place().sink() as sink:
            sink.deliver(bench.story.told(), NOTHING_LEFT)
        left = set(threading.enumerate()) - before - {sink.calls.thread}
        for thread in left:
            thread.join(self.patience)
            if thread.is_alive():
                NOTHING_LEFT.broken(f"the thread {thread.name!r} goes on after the close")

    def test_batches_leave_no_descriptor_open(self, bench: Bench) -> None:
        """Count the open descriptors before and after many batches of one sink."""
        with bench.place().sink() as sink:
            sink.deliver(bench.story.told(), NOTHING_LEFT)
            before = _open_descriptors()
            for _ in range(ROUNDS):
                sink.deliver([bench.story.event()], NOTHING_LEFT)
            more = _open_descriptors() - before
        if more >= ROUNDS:
            NOTHING_LEFT.broken(f"{ROUNDS} batches left {more} descriptors open")

    def test_closed_sinks_leave_no_descriptor_open(self, bench: Bench) -> None:
        """Count the open descriptors before and after many sinks were used and closed."""
        with bench.place().sink() as first:
            first.deliver(bench.story.told(), NOTHING_LEFT)
        before = _open_descriptors()
        for _ in range(ROUNDS):
            with bench.place().sink() as sink:
                sink.deliver([bench.story.event()], NOTHING_LEFT)
        more = _open_descriptors() - before
        if more >= ROUNDS:
            NOTHING_LEFT.broken(f"{ROUNDS} closed sinks left {more} descriptors open")


def _close(sink: Driven, what: str) -> None:
    try:
        sink.calls.make(getattr(sink.plugin, "close", lambda: None))
    except Exception as error:
        CLOSED.broken(f"{what} raised {type(error).__name__}: {error}", error)


def _open_descriptors() -> int:
    for folder in DESCRIPTORS:
        if os.path.isdir(folder):
            return len(os.listdir(folder))
    raise unchecked("run it where the system tells of open descriptors, as Linux and macOS do")
