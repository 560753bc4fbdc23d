"""Checks what a sink does while its other end is down, or takes what comes and never answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_telemetry.contract.author import Author
from pytest_telemetry.contract.bench import how_often
from pytest_telemetry.contract.calls import Hangs
from pytest_telemetry.contract.rules import BUILT, CLOSED, DEADLINE, DOWN, RECOVERED
from telemetry_core import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.contract.bench import Bench, Driven, Place
    from telemetry_core import Record

SHORT = 0.1  # seconds until the deadline of a call that is meant to reach it


class Failing(Author):
    """What happens while nothing can arrive."""

    def test_while_the_other_end_is_down_its_records_wait(self, bench: Bench) -> None:
        """Ship while the other end is down, as the first thing and after a success."""
        place = bench.place()
        for settled in ((), bench.story.told()):
            records = bench.story.told()
            with place.sink() as sink:
                sink.deliver(settled, DOWN)
                with self.break_destination(place.where):
                    receipt = _shipped(sink, records)
            _expect_waiting(place, records, receipt)

    def test_when_the_other_end_is_back_the_same_sink_delivers(self, bench: Bench) -> None:
        """Ship the same records again, and others, after the other end was down."""
        known, records, place = bench.story.told(), bench.story.told(), bench.place()
        with place.sink() as sink:
            sink.deliver(known, RECOVERED)
            with self.break_destination(place.where):
                _shipped(sink, records)
            sink.deliver(records, RECOVERED)
        place.expect([*known, *records], RECOVERED)

    def test_it_is_built_while_the_other_end_is_down(self, bench: Bench) -> None:
        """Build and close one, build another, then bring the other end back."""
        records, place = bench.story.told(), bench.place()
        with self.break_destination(place.where):
            place.build().close_quietly()
            sink = place.build()
        sink.deliver(records, BUILT)
        sink.close_quietly()
        place.expect(records, BUILT)

    def test_a_call_is_over_by_its_deadline_while_the_other_end_is_down(self, bench: Bench) -> None:
        """Ship with little time left: nobody retries or sleeps past that."""
        place = bench.place()
        with place.sink() as sink, self.break_destination(place.where):
            in_time = self._is_in_time(sink, bench.story.told())
        self._expect_in_time(in_time)

    def test_a_call_is_over_by_its_deadline_while_the_other_end_hangs(self, bench: Bench) -> None:
        """Ship with little time left, as the first thing and after a success."""
        place = bench.place()
        for settled in ((), bench.story.told()):
            with place.sink() as sink:
                sink.deliver(settled, DEADLINE)
                with self.hang_destination(place.where):
                    in_time = self._is_in_time(sink, bench.story.told())
            self._expect_in_time(in_time)

    def test_it_closes_while_nothing_can_arrive(self, bench: Bench) -> None:
        """Close it while the other end is down, after a call that failed."""
        place = bench.place()
        with place.sink() as sink:
            sink.deliver(bench.story.told(), CLOSED)
            with self.break_destination(place.where):
                _shipped(sink, bench.story.told())
                try:
                    sink.close()
                except Exception as error:
                    CLOSED.broken("close raised while the other end was down", error)

    def _is_in_time(self, sink: Driven, records: Sequence[Record]) -> bool:
        """Tell whether a call came to an end in time, whatever came of it."""
        try:
            sink.answer(records, SHORT, limit=SHORT + self.patience)
        except Hangs:
            return False
        except Exception:
            return True
        return True

    def _expect_in_time(self, in_time: bool) -> None:
        if not in_time:
            left = f"a call with {SHORT:g} s until its deadline"
            DEADLINE.broken(f"{left} still ran {self.patience:g} s after it")


def _shipped(sink: Driven, records: Sequence[Record]) -> Receipt:
    """Return what is said while nothing can arrive; an exception says that all wait."""
    try:
        return sink.ship(records)
    except Exception as error:
        return Receipt.wait(str(error))


def _expect_waiting(place: Place, records: Sequence[Record], receipt: Receipt) -> None:
    held = place.holds()
    for record in records:
        name = f"{record.kind} {record.id}"
        if record.id in receipt.rejected:
            DOWN.broken(f"{name} is rejected because the other end was down")
        if record.id in receipt.delivered:
            said = f"{name} is said to be delivered while the other end was down"
            arrived = "; it did arrive: look whether break_destination takes the other end down"
            DOWN.broken(said + arrived * (how_often(held, record) > 0))
