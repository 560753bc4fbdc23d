"""Whatever a sink, its dead letters, the clock and restarts do: each record ends exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pytest_telemetry.clock import FakeClock

from telemetry_core.delivery.memory_spool import MemorySpool
from telemetry_core.delivery.shipper import Shipper
from telemetry_core.delivery.state import SinkState
from telemetry_core.models import RunEvent
from telemetry_core.records import Batch, Kind, Lane, Receipt, Record, Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_core.delivery.dead_letters import DeadLetter

Answer = Callable[["Sink", list[str]], Any]


def raises(error: BaseException) -> Answer:
    def answer(sink: Sink, ids: list[str]) -> Any:
        raise error

    return answer


def only_at_poison(misdeed: Answer) -> Answer:
    return lambda sink, ids: (misdeed if any(map(is_poison, ids)) else Sink.take)(sink, ids)


def is_poison(record_id: str) -> bool:
    return record_id.endswith("p")


MISDEEDS: dict[str, Answer] = {
    "deliver": lambda sink, ids: sink.take(ids),
    "deliver without a receipt": lambda sink, ids: sink.taken.update(ids),
    "deliver some": lambda sink, ids: sink.take(ids[::2]),
    "reject some": lambda _, ids: Receipt.of((), {i: Rejection("bad", "") for i in ids[::2]}),
    "reject each alike": lambda _, ids: Receipt.of((), {i: Rejection("bad", "") for i in ids}),
    "refuse whole": lambda *_: Receipt.refuse("http_400", "no"),
    "refuse poison": only_at_poison(lambda *_: Receipt.refuse("http_400", "no")),
    "raise": raises(ConnectionError("down")),
    "raise at poison": only_at_poison(raises(KeyError("poison"))),
    "exit": raises(SystemExit()),
    "wait": lambda *_: Receipt.wait("busy"),
    "wait long": lambda *_: Receipt.wait("busy", retry_after=500),
    "pause": lambda *_: Receipt.pause("http_401", "no key"),
    "name strangers": lambda *_: Receipt.of(["stranger"]),
    "return junk": lambda _, ids: ids,
}


@define(eq=False)
class Sink:
    """A sink that misbehaves as it is told, and remembers what it really took."""

    misdeed: str = "deliver"
    name: str = "sink"
    instance: object = None
    only: tuple[str, ...] = ()
    except_: tuple[str, ...] = ("unwanted",)
    batch_size: int = 4
    batch_bytes: int = 100
    max_record_bytes: int | None = 50
    taken: Counter[str] = field(factory=Counter)

    def destination(self) -> str | None:
        return "there"

    def ship_batch(self, batch: Batch) -> Any:
        return MISDEEDS[self.misdeed](self, [record.id for record in batch])

    def take(self, ids: Sequence[str]) -> Receipt:
        self.taken.update(ids)
        return Receipt.of(ids)


@define
class Letters:
    """A dead letter store that can be out of order."""

    kept: Counter[str] = field(factory=Counter)
    broken: bool = False

    def add(self, sink: str, letters: Sequence[DeadLetter]) -> None:
        if self.broken:
            raise OSError("disk full")
        self.kept.update(letter.record.id for letter in letters)


class Delivery(RuleBasedStateMachine):
    """One shipper between a memory spool and a sink that misbehaves at random."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = FakeClock()
        self.outbox = MemorySpool(max_records=1000)
        self.sink = Sink()
        self.letters = Letters()
        self.accepted: set[str] = set()
        self.unwanted: set[str] = set()
        self.too_large: set[str] = set()
        self.earlier = 0
        self.shipper = self.build()

    def build(self) -> Shipper:
        return Shipper(
            self.sink,
            self.outbox,
            clock=self.clock,
            dead_letters=self.letters,
            state=SinkState(Path(self.folder.name) / "sink.json", self.clock),
            report=lambda *_: None,
        )

    @rule(
        kind=st.sampled_from(["tick", "tick", "tick", "unwanted"]),
        poison=st.booleans(),
        size=st.sampled_from([5, 30, 51]),
        lane=st.sampled_from(Lane),
        age=st.sampled_from([0, 20 * 86_400]),
    )
    def record(self, kind: str, poison: bool, size: int, lane: Lane, age: int) -> None:
        number = len(self.accepted)
        record_id = f"e{number}{'p' * poison}"
        time_ns = self.clock.time_ns() - age * 10**9
        body = RunEvent(record_id, kind, time_ns)
        self.outbox.put(Record(record_id, Kind.EVENT, number, time_ns, lane, body, size))
        self.accepted.add(record_id)
        if kind == "unwanted":
            self.unwanted.add(record_id)
        elif size > 50:
            self.too_large.add(record_id)

    @rule(misdeed=st.sampled_from(sorted(MISDEEDS)), force=st.booleans(), steps=st.integers(1, 8))
    def ship(self, misdeed: str, force: bool, steps: int) -> None:
        self.sink.misdeed = misdeed
        for _ in range(steps):
            wait = self.shipper.step(force=force)
            if wait is None:
                return
            assert 0.0 <= wait <= 3600.0
            self.clock.advance(wait)

    @rule(seconds=st.sampled_from([1, 60, 3600, 86_400]))
    def time_goes_by(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(wall=st.sampled_from([0, 10**18, 2 * 10**18]))
    def somebody_sets_the_clock(self, wall: int) -> None:
        self.clock.set_wall(wall)

    @rule(broken=st.booleans())
    def the_disk_fills_or_empties(self, broken: bool) -> None:
        self.letters.broken = broken

    @rule()
    def the_process_starts_anew(self) -> None:
        self.earlier += self.shipper.skipped
        self.outbox.rewind()
        self.shipper = self.build()

    @precondition(lambda self: self.accepted)
    @rule()
    def all_is_well_for_a_day(self) -> None:
        self.sink.misdeed, self.letters.broken = "deliver", False
        for _ in range(10_000):
            wait = self.shipper.step()
            if wait is None:
                break
            self.clock.advance(wait)
        assert self.outbox.pending() == 0
        self.each_record_ends_once()
        assert self.ended == self.accepted

    @property
    def ended(self) -> set[str]:
        return set(self.sink.taken) | set(self.letters.kept) | self.unwanted

    @invariant()
    def each_record_ends_once(self) -> None:
        assert set(self.sink.taken.values()) <= {1}
        assert set(self.letters.kept.values()) <= {1}
        assert not self.sink.taken.keys() & self.letters.kept.keys()
        assert not self.sink.taken.keys() & self.unwanted
        assert not self.sink.taken.keys() & self.too_large

    @invariant()
    def what_has_not_ended_is_pending(self) -> None:
        skipped = self.earlier + self.shipper.skipped
        ends = self.sink.taken.total() + self.letters.kept.total() + skipped
        assert ends + self.outbox.pending() == len(self.accepted)

    def teardown(self) -> None:
        self.folder.cleanup()


Delivery.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDelivery = Delivery.TestCase
