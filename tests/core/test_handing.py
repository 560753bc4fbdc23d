"""Commands hand records over to the end, and say what came of it when there is none."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import pytest
from attrs import define, field

from telemetry_core import (
    Batch,
    Kind,
    Lane,
    NotTakenError,
    Receipt,
    Record,
    Rejection,
    RunEvent,
    hand_over,
)

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock


@define(eq=False)
class Picky:
    """Takes batches that are small enough, once it has said what it is told to say first.

    :ivar bad: the one record that it refuses, and all that comes with it.
    """

    clock: FakeClock
    batch_size: int = 6
    most: int = 100
    bad: str = ""
    says: deque[Receipt] = field(factory=deque)
    asked: int = 0

    def destination(self) -> str:
        """Name itself."""
        return "the other end"

    def ship_batch(self, batch: Batch) -> Receipt:
        """Say what it is told to, else take the batch or refuse it whole."""
        self.asked += 1
        if self.says:
            return self.says.popleft()
        if len(batch) > self.most or self.bad in {record.id for record in batch}:
            return Receipt.refuse("no", "not this")
        return Receipt.all(batch)


@pytest.fixture
def records() -> list[Record]:
    event = RunEvent("", "told", 0)
    return [Record(f"n{n}", Kind.EVENT, n, 0, Lane.STANDARD, event) for n in range(8)]


@pytest.fixture
def sink(telemetry_clock: FakeClock) -> Picky:
    return Picky(telemetry_clock)


def test_all_of_it_arrives_although_the_other_end_stumbles(
    sink: Picky, records: list[Record]
) -> None:
    sink.says += [Receipt.wait("busy"), Receipt.of([records[0].id]), Receipt.wait("busy")]
    assert len(hand_over(sink, records).delivered) == 8


def test_what_is_too_much_at_once_goes_in_halves(sink: Picky, records: list[Record]) -> None:
    sink.most = 3
    assert len(hand_over(sink, records).delivered) == 8
    assert sink.asked == 4  # six, its halves, and two


def test_one_that_is_refused_for_itself_is_found(sink: Picky, records: list[Record]) -> None:
    sink.bad = records[5].id
    handed = hand_over(sink, records)
    assert handed.rejected == {sink.bad: Rejection("no", "not this")}
    assert len(handed.delivered) == 7


def test_who_stays_away_is_given_up(
    sink: Picky, records: list[Record], telemetry_clock: FakeClock
) -> None:
    since = telemetry_clock.monotonic()
    sink.says += [Receipt.wait("busy")] * 10
    with pytest.raises(NotTakenError, match="the other end takes nothing now: busy"):
        hand_over(sink, records)
    assert (sink.asked, telemetry_clock.monotonic() - since) == (5, 7.5)


def test_a_long_wait_is_not_waited_for(
    sink: Picky, records: list[Record], telemetry_clock: FakeClock
) -> None:
    since = telemetry_clock.monotonic()
    sink.says.append(Receipt.wait("busy", retry_after=3000))
    with pytest.raises(NotTakenError):
        hand_over(sink, records)
    assert telemetry_clock.monotonic() == since


def test_a_pause_ends_it_at_once_and_what_arrived_before_is_told(
    sink: Picky, records: list[Record]
) -> None:
    sink.says += [Receipt.of([records[0].id]), Receipt.pause("http_401", "check the key")]
    with pytest.raises(NotTakenError, match="the other end: check the key") as refused:
        hand_over(sink, records)
    assert (sink.asked, refused.value.handed.delivered) == (2, {records[0].id})
