"""Hands records to a service to the end, for commands: in batches, again and again, and halved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from telemetry_core import Batch, Rejection, SystemClock
from telemetry_http_api.errors import APIError, APIUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry_core import Receipt, Record
    from telemetry_http_api.sink import HttpApiSink

_AT_ONCE = 500
_CALL = 30.0  # seconds for one batch
_TRIES = 5
_FIRST_PAUSE = 0.5


@define
class Handed:
    """What became of records that were handed over."""

    delivered: set[str] = field(factory=set)
    rejected: dict[str, Rejection] = field(factory=dict)

    def left(self, records: Sequence[Record]) -> list[Record]:
        """Return those of which nothing is known yet."""
        ended = self.delivered | self.rejected.keys()
        return [record for record in records if record.id not in ended]


def hand_over(
    sink: HttpApiSink,
    records: Sequence[Record],
    *,
    sleep: Callable[[float], None] = SystemClock.sleep,
    patience: float = 60.0,
    call: float = _CALL,
) -> Handed:
    """Deliver records and return what became of each.

    Raises `APIUnavailableError` when the service takes nothing for now, `APIError` when it will
    not have anything; what was delivered until then is in the error's `handed`.

    :param patience: the longest that the service may want to be left alone.
    """
    handed, delay = Handed(), _Delay(sink, sleep, patience)
    waiting = [list(records[n : n + _AT_ONCE]) for n in range(0, len(records), _AT_ONCE)]
    while waiting:
        batch = waiting.pop(0)
        receipt = _ship(sink, batch, call)
        handed.delivered |= receipt.delivered
        handed.rejected |= receipt.rejected
        left = handed.left(batch)
        if not left:
            delay.end()
        elif receipt.refused_whole:
            waiting[:0] = _halves(handed, left, receipt)
        else:
            waiting.insert(0, left)
            delay.after(receipt, handed, some=len(left) < len(batch))
    return handed


class _Delay:
    """How long to leave a service alone that took nothing, and when to give it up."""

    def __init__(self, sink: HttpApiSink, sleep: Callable[[float], None], patience: float) -> None:
        self._service = sink.destination()
        self._sleep = sleep
        self._patience = patience
        self._failures = 0

    def end(self) -> None:
        """Note that all went well."""
        self._failures = 0

    def after(self, receipt: Receipt, handed: Handed, *, some: bool) -> None:
        """Wait before the next attempt; raises when there is none."""
        if receipt.pause_until is not None:
            raise _with(handed, APIError(f"{self._service}: {receipt.reason}"))
        self._failures = 0 if some else self._failures + 1
        if not self._failures:
            return
        pause = _FIRST_PAUSE * 2 ** (self._failures - 1)
        pause = max(pause, receipt.retry_after or 0.0)
        if self._failures >= _TRIES or pause > self._patience:
            why = receipt.reason or receipt.code or "no reason was given"
            words = f"{self._service} takes nothing now: {why}; try again later"
            raise _with(handed, APIUnavailableError(words))
        self._sleep(pause)


def _ship(sink: HttpApiSink, records: Sequence[Record], call: float) -> Receipt:
    deadline = sink.clock.monotonic() + call
    return sink.ship_batch(Batch(tuple(records), deadline=deadline))


def _halves(handed: Handed, left: list[Record], receipt: Receipt) -> list[list[Record]]:
    if len(left) == 1:
        handed.rejected[left[0].id] = Rejection(receipt.code, receipt.reason)
        return []
    middle = len(left) // 2
    return [left[:middle], left[middle:]]


def _with(handed: Handed, error: APIError) -> APIError:
    error.handed = handed
    return error
