"""Checks what a sink says became of its records, and what comes of records that come again."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_telemetry.contract.author import Author
from pytest_telemetry.contract.bench import how_often
from pytest_telemetry.contract.delivering import hostile_batch
from pytest_telemetry.contract.rules import NO_STRANGERS, OWN_ID, RECEIPT, REPEATED
from telemetry_core import Receipt, Rejection

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.contract.bench import Bench


class Receipts(Author):
    """What is said of what arrived."""

    def test_it_returns_a_receipt_or_nothing(self, bench: Bench) -> None:
        """Look at the types of an answer, also of one that may reject."""
        with bench.place().sink() as sink:
            _, mixed = hostile_batch(bench, sink.plugin)
            for records in (bench.story.told(), mixed):
                with suppress(Exception):  # what raises has its own check
                    answer = sink.answer(records)
                    if trouble := _wrong_in(answer):
                        RECEIPT.broken(f"ship_batch returned {trouble}")

    def test_a_receipt_names_records_of_its_batch_only(self, bench: Bench) -> None:
        """Compare the ids of several receipts with those of their batches."""
        with bench.place().sink() as sink:
            for records in (bench.story.told(), [bench.story.event()], bench.story.told()):
                receipt = sink.ship(records)
                named = set(receipt.delivered) | set(receipt.rejected)
                if strangers := named - {record.id for record in records}:
                    some = ", ".join(map(repr, list(strangers)[:3]))
                    NO_STRANGERS.broken(f"a receipt names {some}, not in the batch")

    def test_each_record_is_settled_by_its_own_id(self, bench: Bench) -> None:
        """Compare what is said of each of many difficult records with what arrived."""
        place, receipt = bench.place(), Receipt()
        with place.sink() as sink:
            _, records = hostile_batch(bench, sink.plugin)
            with suppress(Exception):  # what raises has its own check
                receipt = sink.ship(records)
        held = place.holds()
        for record in filter(bench.story.wants, records):
            arrived = how_often(held, record) > 0
            if record.id in receipt.delivered and not arrived:
                OWN_ID.broken(f"{record.id} is said to be delivered and did not arrive")
            if record.id in receipt.rejected and arrived:
                OWN_ID.broken(f"{record.id} is said to be rejected and did arrive")

    def test_a_batch_that_comes_again_makes_nothing_new(self, bench: Bench) -> None:
        """Deliver the same records again: as they were, and in other batches."""
        records, place = bench.story.told(), bench.place()
        with place.sink() as sink:
            sink.deliver(records, REPEATED)
        before = place.holds()
        with place.sink() as sink:
            sink.deliver(records, REPEATED)
            sink.deliver([*records[3:], bench.story.event(), *records[:2]], REPEATED)
        after = place.holds()
        if len(after.keys() - before.keys()) > 1:  # one event was new indeed
            REPEATED.broken("records that came again are there under new ids")
        for known, count in before.items():
            if after[known] > count and not self.append_only:
                REPEATED.broken(
                    f"{known} is there {after[known]} times when it came again, not {count}"
                )

    def test_part_of_a_batch_that_comes_again_takes_nothing_away(self, bench: Bench) -> None:
        """Deliver some records again, alone: the others are still there."""
        records, place = bench.story.told(), bench.place()
        with place.sink() as sink:
            sink.deliver(records, REPEATED)
            for record in (records[0], records[-1], records[2]):
                sink.deliver([record], REPEATED)
        place.expect(records, REPEATED)


def _wrong_in(answer: object) -> str:
    """Say what is not as the types of `Receipt` have it; nothing when all is."""
    if answer is None:
        return ""
    if not isinstance(answer, Receipt):
        return f"a {type(answer).__name__}"
    for name, fits in _FITS.items():
        if not fits(value := getattr(answer, name)):
            return f"a Receipt whose `{name}` is {value!r}"
    return ""


def _are_ids(value: object) -> bool:
    return isinstance(value, AbstractSet) and all(isinstance(one, str) for one in value)


def _are_rejections(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str)
        and isinstance(one, Rejection)
        and isinstance(one.code, str)
        and isinstance(one.reason, str)
        for key, one in value.items()
    )


def _is_number_or_none(value: object) -> bool:
    return value is None or (type(value) in {int, float} and value >= 0)  # type: ignore[operator]


_FITS: dict[str, Callable[[object], bool]] = {
    "delivered": _are_ids,
    "rejected": _are_rejections,
    "retry_after": _is_number_or_none,
    "pause_until": lambda value: value is None or type(value) is int,
    "refused_whole": lambda value: type(value) is bool,
    "code": lambda value: isinstance(value, str),
    "reason": lambda value: isinstance(value, str),
}
