"""Checks that everything arrives: whatever it holds, in any order, in any number."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_telemetry.contract.author import Author, unchecked
from pytest_telemetry.contract.bench import how_often, stated
from pytest_telemetry.contract.rules import (
    ANY_ORDER,
    ANY_SIZE,
    APART,
    ARRIVED,
    END_STAYS,
    NONES,
    ONE_VALUE,
    UNCHANGED,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.contract.bench import Bench
    from telemetry_core import Record

DEFAULT_BATCH_SIZE = 100


class Delivering(Author):
    """What arrives."""

    def test_what_it_says_is_delivered_is_at_the_other_end(self, bench: Bench) -> None:
        """Look right after the call, and again after the close, to say what is wrong."""
        records, place = bench.story.told(), bench.place()
        with place.sink() as sink:
            sink.deliver(records, ARRIVED)
            late = place.lacks(records)
        if late and not place.lacks(late):
            ARRIVED.broken(f"{len(late)} of {len(records)} records arrived only with the close")
        place.expect(records)

    def test_records_may_come_in_any_order(self, bench: Bench) -> None:
        """Deliver a story backwards: in one batch, then each record in a batch of its own."""
        together, apart = bench.story.told()[::-1], bench.story.told()[::-1]
        place = bench.place()
        with place.sink() as sink:
            sink.deliver(together, ANY_ORDER)
            for record in apart:
                sink.deliver([record], ANY_ORDER)
        place.expect([*together, *apart], ANY_ORDER)

    def test_a_run_that_has_ended_stays_ended(self, bench: Bench) -> None:
        """Deliver a run's start after its end, in a later batch."""
        start, end = bench.story.run()
        place = bench.place()
        with place.sink() as sink:
            sink.deliver([end], END_STAYS)
            sink.deliver([start], END_STAYS)
        if not bench.story.wants(end):
            return
        held = place.holds()
        apart = held[start.id], held[end.id], held[start.body.event_id] > 1
        if all(apart[:2]) or apart[2]:  # both records are kept; who reads them merges
            return
        if self.append_only:
            END_STAYS.broken("of the two records of a run one is not at the other end")
        status = self.status_of_run(place.where, start.body.event_id)
        if status != "success":
            END_STAYS.broken(f"a run that ended as success is {status!r} after its start came late")

    def test_fields_that_are_none_are_delivered(self, bench: Bench) -> None:
        """Deliver records in which whatever may be None is None."""
        records, place = bench.story.sparse(), bench.place()
        with place.sink() as sink:
            for record in records:
                sink.deliver([record], NONES)
            sink.deliver(records, NONES)
        place.expect(records, NONES)

    def test_an_empty_batch_is_taken(self, bench: Bench) -> None:
        """Deliver nothing, then something."""
        records, place = bench.story.told(), bench.place()
        with place.sink() as sink:
            try:
                sink.ship([])
            except Exception as error:
                ANY_SIZE.broken("a batch without a record raised", error)
            sink.deliver(records, ANY_SIZE)
        place.expect(records, ANY_SIZE)

    def test_a_batch_larger_than_its_batch_size_is_taken(self, bench: Bench) -> None:
        """Deliver one record more than it asks for: its table may say so."""
        place = bench.place()
        with place.sink() as sink:
            size = stated(sink.plugin, "batch_size", DEFAULT_BATCH_SIZE)
            records = [bench.story.event() for _ in range(size + 1)]
            sink.deliver(records, ANY_SIZE)
        place.expect(records, ANY_SIZE)

    def test_a_value_that_it_does_not_take_costs_one_record(self, bench: Bench) -> None:
        """Deliver hostile records among ordinary ones: those arrive."""
        place = bench.place()
        with place.sink() as sink:
            ordinary, records = hostile_batch(bench, sink.plugin)
            sink.settle(records, ONE_VALUE)
        place.expect(ordinary, ONE_VALUE)

    def test_the_batch_is_not_changed(self, bench: Bench) -> None:
        """Compare what was handed over before and after the call."""
        records, place = bench.story.told(), bench.place()
        before = [_seen(record) for record in records]
        with place.sink() as sink:
            sink.deliver(records, UNCHANGED)
        for was, record in zip(before, records, strict=True):
            if was != (now := _seen(record)):
                UNCHANGED.broken(f"the sink changed a record\n  from {was}\n  to   {now}")

    def test_two_destinations_are_kept_apart(self, bench: Bench) -> None:
        """Deliver to two destinations in turn, by two sinks that live at the same time."""
        if self.one_destination:
            raise unchecked("have make_sink go by `where`, and remove one_destination")
        here, there = bench.place("here"), bench.place("there")
        ours, others, later = (bench.story.told() for _ in range(3))
        with here.sink() as one, there.sink() as other:
            one.deliver(ours, APART)
            other.deliver(others, APART)
            one.deliver(later, APART)
        here.expect([*ours, *later], APART)
        there.expect(others, APART)
        held = here.holds()
        if any(how_often(held, record) for record in others):
            APART.broken("what one sink delivered is also at the destination of the other")


def hostile_batch(bench: Bench, sink: object) -> tuple[list[Record], list[Record]]:
    """Return ordinary records, and those with hostile ones among them that the core hands over."""
    largest = stated(sink, "max_record_bytes", sys.maxsize)
    hostile = [record for record in bench.story.hostile() if record.size <= largest]
    ordinary = [*bench.story.told(), *bench.story.told()]
    return ordinary, [*ordinary[:3], *hostile[:5], *ordinary[3:7], *hostile[5:], *ordinary[7:]]


def _seen(record: Record) -> Sequence[object]:
    body = record.body.to_dict()
    return (
        record.id,
        record.kind,
        record.seq,
        record.time_ns,
        record.lane,
        repr(body),
        repr(getattr(record.body, "payload", None)),
    )
