"""Checks that a sink may be called from any thread, and that a forked child has one of its own."""

from __future__ import annotations

import os
import select
import signal
import traceback
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from pytest_telemetry.contract.author import Author, unchecked
from pytest_telemetry.contract.calls import LIMIT, Calls
from pytest_telemetry.contract.rules import ANY_THREAD, FORKED
from telemetry_core import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_telemetry.contract.bench import Bench, Driven
    from telemetry_core import Record


class Placing(Author):
    """Where a sink is called."""

    def test_the_next_call_may_come_on_another_thread(self, bench: Bench) -> None:
        """Build and use it on one thread, use and close it on another."""
        records, more, place = bench.story.told(), bench.story.told(), bench.place()
        with place.sink() as sink:
            sink.deliver(records, ANY_THREAD)
            sink.calls.end()
            sink.calls = Calls()
            sink.deliver(more, ANY_THREAD)
        place.expect([*records, *more], ANY_THREAD)

    def test_a_forked_child_and_its_parent_both_deliver(self, bench: Bench) -> None:
        """Fork while the sink has all open that it wants; child and parent deliver, in this order."""
        if not hasattr(os, "fork"):
            raise unchecked("run it where a process can fork")
        before, inside, after = (bench.story.told() for _ in range(3))
        place = bench.place()
        with place.sink() as sink:
            if not attrs.has(type(sink.plugin)):
                raise unchecked("make it an attrs class; now the parent delivers for a child")
            sink.deliver(before, FORKED)
            trouble = _in_a_child(lambda: _deliver_by_a_twin(sink, inside))
            if trouble:
                FORKED.broken(f"in the child: {trouble}")
            sink.deliver(after, FORKED)
        place.expect(before, FORKED)
        place.expect(inside, FORKED)
        place.expect(after, FORKED)


def _deliver_by_a_twin(sink: Driven, records: Sequence[Record]) -> None:
    """Make a sink from the fields of another, as the core does in a child, and ship with it."""
    twin = attrs.evolve(sink.plugin)
    receipt = twin.ship_batch(sink.batch(records))
    if isinstance(receipt, Receipt) and len(receipt.delivered) < len(records):
        raise AssertionError(f"it did not deliver all: {receipt}")
    with suppress(Exception):  # closing has its own check
        getattr(twin, "close", lambda: None)()


def _in_a_child(work: Callable[[], object]) -> str:
    """Do the work in a forked child; return what went wrong there, nothing when it was done."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside other threads
        child = os.fork()
    if child == 0:
        _work_and_exit(work, writing)
    os.close(writing)
    try:
        return _report(reading, child)
    finally:
        os.close(reading)


def _work_and_exit(work: Callable[[], object], writing: int) -> None:
    """Do the work, report, and end without running anything that is the parent's."""
    try:
        work()
        os.write(writing, b"done")
    except BaseException:  # pytest's own as well: nothing may go on in the child
        with suppress(BaseException):
            os.write(writing, traceback.format_exc()[-4000:].encode())
    finally:
        os._exit(0)


def _report(reading: int, child: int) -> str:
    ready, _, _ = select.select([reading], [], [], LIMIT)
    if not ready:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    said = os.read(reading, 65536).decode() if ready else f"not over after {LIMIT:g} s"
    return "" if said == "done" else said or "it ended without a word"
