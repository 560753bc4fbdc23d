"""Programs that are killed at any moment: whether all they told before is there, and whole."""

from __future__ import annotations

import os
import signal
from collections import Counter
from itertools import count
from mmap import mmap
from random import Random
from time import sleep
from typing import TYPE_CHECKING

from attrs import define, field

from benchmarks.peers.ours import client_in
from benchmarks.story import EVENT, PAYLOADS
from benchmarks.table import Row
from telemetry_core import DeliverySettings, Receipt, RunEvent, hookimpl

if TYPE_CHECKING:
    from typing import Any

    from telemetry_core import Batch, TelemetryClient

TRIES = 100
LONGEST = 0.1  # seconds that a program lives; its client is built in them too
A_NUMBER = 8  # bytes
A_LONG_TIME = 60.0


@define(eq=False)
class Reader:
    """A remote that is down in the programs that are killed, and reads what they told afterwards.

    :ivar found: of which program and which number each whole event is, and how often it came.
    """

    name: str = "reader"
    remote: bool = True

    down: bool = True
    torn: int = 0
    found: Counter[tuple[int, int]] = field(factory=Counter)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Look at each event."""
        if self.down:
            return Receipt.wait("nobody is there", code="network")
        for record in batch:
            assert isinstance(record.body, RunEvent)
            self._look(record.body.payload)
        return Receipt.all(batch)

    def _look(self, payload: dict[str, Any]) -> None:
        which = (payload.get("program", 0), payload.get("number", 0))
        if payload == _payload(*which):
            self.found[which] += 1
        else:
            self.torn += 1


def killed(directory: str) -> dict[str, float]:
    """Kill one program after another, deliver what they left, and compare it with what they told."""
    moments = Random(0)
    with mmap(-1, TRIES * A_NUMBER) as shared, memoryview(shared).cast("Q") as told:
        for program in range(TRIES):
            _killed_after(moments.uniform(0, LONGEST), directory, program, told)
        expected = {(program, n) for program in range(TRIES) for n in range(told[program])}
    reader = Reader(down=False)
    with _client(directory, reader) as client:
        client.flush(A_LONG_TIME)
    return {
        "tries": TRIES,
        "told": len(expected),
        "lost": len(expected - reader.found.keys()),
        "torn": reader.torn,
        "twice": reader.found.total() - len(reader.found),
    }


def _killed_after(seconds: float, directory: str, program: int, told: memoryview[int]) -> None:
    """Have a child tell until it is killed; it keeps count where that outlives it."""
    child = os.fork()
    if child == 0:
        try:
            _tell(directory, program, told)
        finally:
            os._exit(1)
    try:
        sleep(seconds)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _tell(directory: str, program: int, told: memoryview[int]) -> None:
    client = _client(directory, Reader())
    for number in count():
        client.capture(EVENT, None, _payload(program, number))
        told[program] = number + 1


def _payload(program: int, number: int) -> dict[str, Any]:
    return {**PAYLOADS[number % len(PAYLOADS)], "program": program, "number": number}


def _client(directory: str, reader: Reader) -> TelemetryClient:
    roomy = DeliverySettings(max_bytes=1 << 31)  # nothing is lost for want of room
    return client_in(directory, reader, delivery=roomy)


CASES = {"killed": killed}
ONCE = frozenset(CASES)
ROWS = (
    Row("`kill -9` at any moment, programs killed", "killing.killed", "tries", "", TRIES, at_least=True),
    Row("… events told before, by all of them", "killing.killed", "told", steady=False),
    Row("… of these lost", "killing.killed", "lost", "", 0),
    Row("… read torn", "killing.killed", "torn", "", 0),
    Row("… delivered twice", "killing.killed", "twice", "", 0),
)  # fmt: skip
