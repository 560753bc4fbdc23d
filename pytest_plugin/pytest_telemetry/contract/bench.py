"""Puts a sink to the test: builds it, calls it as the core does, and looks at its other end."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pytest_telemetry.contract.calls import LIMIT, Calls, Hangs
from pytest_telemetry.contract.rules import ARRIVED, BUILT
from pytest_telemetry.contract.story import EndedRuns, Story
from telemetry_core import Batch, Receipt, Rejection, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from pytest_telemetry.contract.author import Author
    from pytest_telemetry.contract.rules import Rule
    from telemetry_core import Record

CALL_TIMEOUT = 30.0  # what the core gives a call


@define
class Settled:
    """What became of records that were shipped until none waited."""

    delivered: set[str] = field(factory=set)
    rejected: dict[str, Rejection] = field(factory=dict)

    def left(self, records: Sequence[Record]) -> list[Record]:
        """Return those that still wait."""
        ended = self.delivered | self.rejected.keys()
        return [record for record in records if record.id not in ended]


class Driven:
    """A sink, and the thread that calls it, as a worker does."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.calls = Calls()
        self._closed = False
        try:
            self.plugin: Any = self.calls.make(make)
        except Hangs as error:
            BUILT.broken("building it was not over in time", error)
        except Exception as error:
            BUILT.broken(f"building it raised {_described(error)}", error)

    def answer(
        self, records: Sequence[Record], within: float = CALL_TIMEOUT, limit: float = LIMIT
    ) -> object:
        """Make one call and return its answer; raise what it raises, `Hangs` past the limit."""
        batch = self.batch(records, within)
        return self.calls.make(lambda: self.plugin.ship_batch(batch), limit)

    def ship(self, records: Sequence[Record]) -> Receipt:
        """Make one call and return its receipt; what is none counts as delivered."""
        answer = self.answer(records)
        return answer if isinstance(answer, Receipt) else Receipt.all(self.batch(records))

    def batch(self, records: Sequence[Record], within: float = CALL_TIMEOUT) -> Batch:
        """Return a batch with a deadline on the clock of the sink."""
        clock = getattr(self.plugin, "clock", None) or SystemClock
        return Batch(tuple(records), sink="contract", deadline=clock.monotonic() + within)

    def settle(self, records: Sequence[Record], rule: Rule) -> Settled:
        """Ship like the core: what waits comes again, a batch that is refused is halved."""
        settled = Settled()
        batches = [list(records)] if records else []
        while batches:
            batch = batches.pop(0)
            receipt = self._answer(batch, rule)
            settled.delivered.update(receipt.delivered)
            settled.rejected.update(receipt.rejected)
            left = settled.left(batch)
            if receipt.refused_whole and len(batch) == 1:
                settled.rejected[batch[0].id] = Rejection(receipt.code, receipt.reason)
            elif receipt.refused_whole:
                middle = len(left) // 2
                batches += [half for half in (left[:middle], left[middle:]) if half]
            elif len(left) == len(batch):
                rule.broken(f"{_listed(left)} had to wait: {receipt.code} {receipt.reason}")
            elif left:
                batches.append(left)
        return settled

    def deliver(self, records: Sequence[Record], rule: Rule) -> None:
        """Ship until all are delivered; it is a breach of the rule when one is not."""
        refused = self.settle(records, rule).rejected
        if refused:
            said = next(iter(refused.values()))
            lost = _listed([record for record in records if record.id in refused])
            rule.broken(f"{lost} rejected: {said.code} {said.reason}")

    def close(self) -> None:
        """Close the sink once and end the thread; raise what closing raises."""
        if self._closed:
            return
        self._closed = True
        try:
            self.calls.make(getattr(self.plugin, "close", lambda: None))
        finally:
            self.calls.end()

    def close_quietly(self) -> None:
        """Close the sink, whatever comes of that: closing has its own check."""
        with suppress(Exception):
            self.close()

    def _answer(self, records: Sequence[Record], rule: Rule) -> Receipt:
        try:
            return self.ship(records)
        except Hangs as error:
            rule.broken(f"ship_batch was {error}")
        except Exception as error:
            rule.broken(f"ship_batch raised {_described(error)}", error)


class Place:
    """One destination, and the sinks that deliver to it."""

    def __init__(self, author: Author, where: Path, story: Story) -> None:
        self._author = author
        self.where = where
        self._story = story

    def build(self) -> Driven:
        """Return a new sink; who builds closes."""
        return Driven(lambda: self._author.make_sink(self.where))

    @contextmanager
    def sink(self) -> Iterator[Driven]:
        """Give a new sink, closed afterwards, whatever comes of that."""
        driven = self.build()
        try:
            yield driven
        finally:
            driven.close_quietly()

    def holds(self) -> Counter[str]:
        """Return the ids at the other end with how often they are there."""
        return Counter(self._author.delivered(self.where))

    def lacks(self, records: Iterable[Record]) -> list[Record]:
        """Return those of the records that the sink wants and that are not at the other end."""
        held, wanted = self.holds(), filter(self._story.wants, records)
        return [record for record in wanted if not how_often(held, record)]

    def expect(self, records: Sequence[Record], rule: Rule = ARRIVED) -> None:
        """Fail by the rule unless all of the records are at the other end."""
        missing = self.lacks(records)
        if missing:
            rule.broken(f"{_listed(missing)} of {len(records)} not at the other end")


class Bench:
    """Where one check takes place: its destinations and its story."""

    def __init__(self, author: Author, folder: Path) -> None:
        self.author = author
        self.folder = folder
        self.story = (author.tells or (EndedRuns if author.ends_only else Story))()

    def place(self, name: str = "here") -> Place:
        """Return a destination of this name."""
        where = self.folder / name
        where.mkdir(exist_ok=True)
        return Place(self.author, where, self.story)


def how_often(held: Counter[str], record: Record) -> int:
    """Return how often the other end holds a record, by its own id, else by that of its run."""
    return held[record.id] or held[record.body.event_id]


def stated(sink: object, size: str, default: int) -> int:
    """Return a size that a sink states, as the core reads it: whole and positive, or not at all."""
    value = getattr(sink, size, None)
    return value if type(value) is int and value > 0 else default


def _listed(records: Sequence[Record]) -> str:
    """Return how many records, and the first of them by kind and id."""
    shown = [f"{record.kind} {record.id}" for record in records[:3]]
    more = ", …" if len(records) > len(shown) else ""
    return f"{len(records)} records ({', '.join(shown)}{more})"


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
