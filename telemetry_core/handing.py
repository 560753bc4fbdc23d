"""Hands records to a sink to the end, for commands: in batches, again and again, and halved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import define, field

from telemetry_core.errors import TelemetryError
from telemetry_core.records import Batch, Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_core.clock import Clock
    from telemetry_core.records import Receipt, Record

_CALL = 30.0  # seconds for one batch
_PATIENCE = 60.0
_TRIES = 5
_FIRST_PAUSE = 0.5


class HandedSink(Protocol):
    """What is asked of a sink that records are handed to."""

    @property
    def clock(self) -> Clock:
        """What the deadlines of batches are meant by, and pauses are waited on."""

    @property
    def batch_size(self) -> int:
        """How many records it takes at once."""

    def destination(self) -> str:
        """Return what identifies the other end, for the words of an error."""

    def ship_batch(self, batch: Batch) -> Receipt:
        """Deliver a batch."""


@define
class Handed:
    """What became of records that were handed over."""

    delivered: set[str] = field(factory=set)
    rejected: dict[str, Rejection] = field(factory=dict)

    def left(self, records: Sequence[Record]) -> list[Record]:
        """Return those of which nothing is known yet."""
        ended = self.delivered | self.rejected.keys()
        return [record for record in records if record.id not in ended]


class NotTakenError(TelemetryError):
    """A sink takes nothing more for now.

    :ivar handed: what became of records until then.
    """

    def __init__(self, text: str, handed: Handed) -> None:
        super().__init__(text)
        self.handed = handed


def hand_over(
    sink: HandedSink,
    records: Sequence[Record],
    *,
    patience: float = _PATIENCE,
    call: float = _CALL,
) -> Handed:
    """Deliver records and return what became of each.

    Raises `NotTakenError` when the other end takes nothing for now, or will not have anything.

    :param patience: the longest that the other end may want to be left alone, in seconds.
    :param call: the seconds for one batch.
    """
    handed, pauses = Handed(), _Pauses(sink, patience)
    size = sink.batch_size
    waiting = [list(records[n : n + size]) for n in range(0, len(records), size)][::-1]
    while waiting:
        batch = waiting.pop()
        receipt = sink.ship_batch(Batch(tuple(batch), deadline=sink.clock.monotonic() + call))
        handed.delivered |= receipt.delivered
        handed.rejected |= receipt.rejected
        left = handed.left(batch)
        if receipt.refused_whole:
            waiting += _halves(handed, left, receipt)
        elif left:
            waiting.append(left)
            pauses.after(receipt, handed, some=len(left) < len(batch))
        else:
            pauses.failures = 0
    return handed


class _Pauses:
    """How long to leave the other end alone when it took nothing, and when to give it up."""

    def __init__(self, sink: HandedSink, patience: float) -> None:
        self._sink = sink
        self._patience = patience
        self.failures = 0

    def after(self, receipt: Receipt, handed: Handed, *, some: bool) -> None:
        """Wait before the next attempt; raises when there is none."""
        why = receipt.reason or receipt.code or "no reason was given"
        if receipt.pause_until is not None:
            raise NotTakenError(f"{self._sink.destination()}: {why}", handed)
        self.failures = 0 if some else self.failures + 1
        back_off = _FIRST_PAUSE * 2 ** (self.failures - 1) if self.failures else 0.0
        pause = max(back_off, receipt.retry_after or 0.0)
        if self.failures >= _TRIES or pause > self._patience:
            words = f"{self._sink.destination()} takes nothing now: {why}; try again later"
            raise NotTakenError(words, handed)
        self._sink.clock.sleep(pause)


def _halves(handed: Handed, left: list[Record], receipt: Receipt) -> list[list[Record]]:
    """Return what to try instead of what was refused whole, the second half first."""
    if len(left) == 1:
        handed.rejected[left[0].id] = Rejection(receipt.code, receipt.reason)
        return []
    middle = len(left) // 2
    return [half for half in (left[middle:], left[:middle]) if half]
