from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from pytest_telemetry.clock import FakeClock

from telemetry_core.complaints import Complaints
from telemetry_core.delivery.circuit import Circuit
from telemetry_core.delivery.memory_spool import MemorySpool
from telemetry_core.delivery.retry import RetryPolicy
from telemetry_core.delivery.shipper import Shipper
from telemetry_core.delivery.state import SinkState
from telemetry_core.models import RunEvent, RunRecord
from telemetry_core.records import Batch, Kind, Lane, Receipt, Record, Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from telemetry_core.delivery.dead_letters import DeadLetter

NS = 10**9
DAY = 86_400 * NS


@define(eq=False)
class Settings:
    """The plugin behind the sink, as far as a pause is about it."""

    api_key: str = "one"


@define(eq=False)
class Sink:
    """A sink that answers what the test says."""

    answer: Callable[[Batch], Any] = lambda _: None
    name: str = "here"
    instance: object = field(factory=Settings)
    only: Sequence[str] = ()
    except_: Sequence[str] = ()
    batch_size: int = 8
    batch_bytes: int = 10_000
    max_record_bytes: int | None = None
    batches: list[Batch] = field(factory=list)

    def ship_batch(self, batch: Batch) -> Receipt | None:
        self.batches.append(batch)
        answer: Receipt | None = self.answer(batch)
        return answer

    def destination(self) -> str | None:
        return "https://example.org"

    @property
    def shipped(self) -> list[list[str]]:
        return [[record.id for record in batch] for batch in self.batches]


@define
class Letters:
    """A dead letter store that can be out of order."""

    kept: dict[str, DeadLetter] = field(factory=dict)
    broken: bool = False

    def add(self, sink: str, letters: Sequence[DeadLetter]) -> None:
        if self.broken:
            raise OSError("disk full")
        self.kept.update((letter.record.id, letter) for letter in letters)

    @property
    def codes(self) -> dict[str, str]:
        return {record_id: letter.code for record_id, letter in self.kept.items()}


@define
class Delivery:
    """A shipper with all that it stands between."""

    sink: Sink
    clock: FakeClock
    state: SinkState
    outbox: MemorySpool = field(factory=MemorySpool)
    letters: Letters = field(factory=Letters)
    reports: list[tuple[str, str]] = field(factory=list)
    settings: dict[str, Any] = field(factory=dict)
    shipper: Shipper = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.shipper = Shipper(
            self.sink,
            self.outbox,
            clock=self.clock,
            dead_letters=self.letters,
            state=self.state,
            retry=RetryPolicy(base=1.0, cap=60.0, random=lambda: 1.0),
            report=lambda kind, text: self.reports.append((kind, text)),
            **self.settings,
        )

    def put(self, *ids: str, **fields: Any) -> None:
        for record_id in ids:
            self.outbox.put(event(record_id, **fields))

    def run(self, seconds: float = 3600.0) -> None:
        """Step as a worker would, until nothing is owed or so much time has gone by."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            wait = self.shipper.step()
            if wait is None:
                return
            self.clock.advance(wait)


def event(record_id: str, **fields: Any) -> Record:
    values: dict[str, Any] = {"seq": 0, "time_ns": FakeClock().time_ns(), "lane": Lane.STANDARD}
    event_type = fields.pop("event_type", "tick")
    body = RunEvent(record_id, event_type, 0)
    return Record(id=record_id, kind=Kind.EVENT, body=body, **{**values, "size": 10, **fields})


def run_record(record_id: str, kind: Kind) -> Record:
    return Record(record_id, kind, 0, 0, Lane.CRITICAL, RunRecord("r", "agent", "job"), 10)


@pytest.fixture
def delivery(telemetry_clock: FakeClock, tmp_path: Path) -> Delivery:
    state = SinkState(tmp_path / "state" / "here.json", telemetry_clock)
    return Delivery(Sink(), telemetry_clock, state)


def poison(*ids: str, answer: Callable[[], Receipt]) -> Callable[[Batch], Receipt | None]:
    """Answer so whenever one of these is in the batch."""
    return lambda batch: answer() if {r.id for r in batch} & set(ids) else None


def raising(error: BaseException) -> Callable[[], Receipt]:
    def answer() -> Receipt:
        raise error

    return answer


def refusing(code: str = "http_400") -> Callable[[], Receipt]:
    return lambda: Receipt.refuse(code, "it says no")


# -- what arrives


def test_no_answer_means_that_all_arrived(delivery: Delivery) -> None:
    delivery.put("a", "b")
    assert delivery.shipper.step() == 0.0
    assert delivery.shipper.step() is None
    assert (delivery.shipper.delivered, delivery.outbox.pending()) == (2, 0)


def test_nothing_owed_calls_nobody(delivery: Delivery) -> None:
    assert delivery.shipper.step() is None
    assert delivery.sink.batches == []


def test_what_a_receipt_does_not_name_comes_again(delivery: Delivery) -> None:
    delivery.sink.answer = lambda batch: Receipt.of([batch.records[0].id])
    delivery.put("a", "b")
    delivery.run()
    assert delivery.sink.shipped == [["a", "b"], ["b"]]


def test_a_batch_keeps_to_the_size_and_the_bytes_of_the_sink(delivery: Delivery) -> None:
    delivery.sink.batch_size, delivery.sink.batch_bytes = 3, 25
    delivery.put("a", "b", "c", "d")
    delivery.run()
    assert delivery.sink.shipped == [["a", "b"], ["c", "d"]]


def test_a_batch_is_in_the_order_of_each_source(delivery: Delivery) -> None:
    for record_id, source, seq in [("a9", 0, 9), ("b5", 1, 5), ("a2", 0, 2), ("b1", 1, 1)]:
        delivery.put(record_id, source=source, seq=seq)
    delivery.run()
    assert delivery.sink.shipped == [["a2", "a9", "b1", "b5"]]


def test_a_batch_says_whose_it_is_and_when_it_has_to_be_done(delivery: Delivery) -> None:
    delivery.settings = {"call_timeout": 7.0}
    delivery.restart()
    delivery.put("a")
    delivery.shipper.step()
    (batch,) = delivery.sink.batches
    assert (batch.sink, batch.deadline) == ("here", delivery.clock.monotonic() + 7.0)
    assert batch.attempt == 1


# -- what is not wanted


def test_only_and_except_name_event_types_and_runs(delivery: Delivery) -> None:
    delivery.sink.only, delivery.sink.except_ = ["user.*", "runs"], ["user.secret", "update_run"]
    delivery.restart()
    delivery.outbox.put(run_record("start", Kind.START_RUN))
    delivery.outbox.put(run_record("update", Kind.UPDATE_RUN))
    for event_type in ("user.click", "user.secret", "system"):
        delivery.put(event_type, event_type=event_type)
    delivery.run()
    assert delivery.sink.shipped == [["start", "user.click"]]
    assert (delivery.shipper.skipped, delivery.outbox.pending()) == (3, 0)


def test_a_star_stands_for_events_not_for_runs(delivery: Delivery) -> None:
    delivery.sink.only = ["*"]
    delivery.restart()
    delivery.outbox.put(run_record("start", Kind.START_RUN))
    delivery.put("a")
    delivery.run()
    assert delivery.sink.shipped == [["a"]]


def test_when_all_that_was_taken_is_unwanted_the_next_step_looks_further(
    delivery: Delivery,
) -> None:
    delivery.sink.batch_size, delivery.sink.except_ = 1, ["noise"]
    delivery.restart()
    delivery.put("n", event_type="noise")
    delivery.put("a")
    assert delivery.shipper.step() == 0.0
    delivery.run()
    assert delivery.sink.shipped == [["a"]]


def test_a_record_too_large_for_the_sink_is_buried_untried(delivery: Delivery) -> None:
    delivery.sink.max_record_bytes = 100
    delivery.put("large", size=101)
    delivery.put("a")
    delivery.run()
    assert delivery.sink.shipped == [["a"]]
    assert delivery.letters.codes == {"large": "too_large"}
    assert delivery.outbox.pending() == 0


# -- failures that may pass


@pytest.mark.parametrize(
    "answer",
    [
        raising(OSError("no route")),
        lambda: Receipt.wait("busy"),
        lambda: Receipt.of(["stranger"]),
        lambda: Receipt(retry_after=float("nan")),
    ],
)
def test_what_settles_nothing_is_tried_again_with_growing_waits(
    delivery: Delivery, answer: Callable[[], Receipt]
) -> None:
    delivery.sink.answer = lambda _: answer()
    delivery.put("a")
    waits = []
    for _ in range(4):
        wait = delivery.shipper.step()
        assert wait is not None
        waits.append(wait)
        delivery.clock.advance(wait)
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert (delivery.outbox.pending(), delivery.shipper.failures) == (1, 4)
    assert [batch.attempt for batch in delivery.sink.batches] == [1, 2, 3, 4]


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), GeneratorExit()])
def test_an_exception_that_ends_programs_ends_no_step(
    delivery: Delivery, error: BaseException
) -> None:
    delivery.sink.answer = lambda _: raising(error)()
    delivery.put("a")
    assert delivery.shipper.step() == 1.0


def test_an_exception_that_cannot_be_printed_is_a_failure_like_any(delivery: Delivery) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    delivery.sink.answer = lambda _: raising(MuteError())()
    delivery.put("a")
    assert delivery.shipper.step() == 1.0
    assert "MuteError" in delivery.shipper.last_error


@pytest.mark.parametrize(
    "junk",
    [
        True,
        [],
        "ok",
        Receipt(delivered=None),  # type: ignore[arg-type]
        Receipt(rejected={"a": "why"}),  # type: ignore[dict-item]
        Receipt(pause_until="noon"),  # type: ignore[arg-type]
        Receipt(retry_after="soon"),  # type: ignore[arg-type]
    ],
)
def test_an_answer_that_is_no_receipt_is_a_failure(delivery: Delivery, junk: object) -> None:
    delivery.sink.answer = lambda _: junk
    delivery.put("a")
    assert delivery.shipper.step() == 1.0
    assert (delivery.outbox.pending(), delivery.letters.kept) == (1, {})


def test_a_plugin_may_do_to_its_batch_what_it_likes(delivery: Delivery) -> None:
    def vandal(batch: Batch) -> None:
        for record in batch:
            record.id, record.seq, record.size = "mine", "first", None  # type: ignore[assignment]
        batch.records = ()
        raise ValueError

    delivery.sink.answer = vandal
    delivery.put("a", "b")
    delivery.shipper.step()
    delivery.sink.answer = lambda _: None
    delivery.run()
    assert delivery.sink.shipped[-1] == ["a", "b"]


def test_a_receipt_may_not_settle_the_records_of_others(delivery: Delivery) -> None:
    delivery.sink.batch_size = 1
    delivery.sink.answer = lambda batch: Receipt.of([*(r.id for r in batch), "b", "zzz"])
    delivery.put("a", "b")
    delivery.shipper.step()
    assert (delivery.shipper.delivered, delivery.outbox.pending()) == (1, 1)
    assert "not in the batch" in delivery.reports[0][1]


def test_an_open_circuit_is_not_knocked_at(delivery: Delivery) -> None:
    delivery.settings = {"circuit": Circuit(delivery.clock, failure_threshold=2)}
    delivery.restart()
    delivery.sink.answer = lambda _: Receipt.wait("down")
    delivery.put("a")
    for _ in range(4):
        delivery.shipper.step()
        delivery.clock.advance(2)
    assert (len(delivery.sink.batches), delivery.shipper.circuit.state) == (2, "open")


def test_a_circuit_is_spared_refusals_and_pauses(delivery: Delivery) -> None:
    delivery.settings = {"circuit": Circuit(delivery.clock, failure_threshold=1)}
    delivery.restart()
    delivery.sink.answer = lambda _: Receipt.refuse("http_400", "no")
    delivery.put("a")
    delivery.run()
    delivery.sink.answer = lambda _: Receipt.pause("http_401", "no key")
    delivery.put("b")
    delivery.shipper.step()
    assert delivery.shipper.circuit.state == "closed"


def test_force_goes_once_past_back_off_and_circuit(delivery: Delivery) -> None:
    delivery.settings = {"circuit": Circuit(delivery.clock, failure_threshold=1)}
    delivery.restart()
    delivery.sink.answer = lambda _: Receipt.wait("down")
    delivery.put("a")
    delivery.shipper.step()
    delivery.shipper.step()
    delivery.sink.answer = lambda _: None
    delivery.shipper.step(force=True)
    assert (len(delivery.sink.batches), delivery.outbox.pending()) == (2, 0)
    assert delivery.shipper.circuit.state == "closed"


def test_the_open_circuit_is_open_for_the_next_process_too(delivery: Delivery) -> None:
    delivery.settings = {"circuit": Circuit(delivery.clock, failure_threshold=1)}
    delivery.restart()
    delivery.sink.answer = lambda _: Receipt.wait("down")
    delivery.put("a")
    delivery.shipper.step()
    delivery.settings = {}
    delivery.outbox.rewind()
    delivery.restart()
    assert delivery.shipper.step() == 30.0
    assert len(delivery.sink.batches) == 1


# -- pauses


def test_retry_after_is_obeyed_even_by_a_flush(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.wait("slow down", retry_after=100.0)
    delivery.put("a")
    delivery.shipper.step()
    delivery.clock.advance(99)
    assert delivery.shipper.step(force=True) == 1.0
    delivery.clock.advance(1)
    delivery.shipper.step()
    assert len(delivery.sink.batches) == 2


def test_a_pause_lasts_until_its_time(delivery: Delivery) -> None:
    until = delivery.clock.time_ns() + 600 * NS
    delivery.sink.answer = lambda _: Receipt.pause("daily_limit", "spent", until_ns=until)
    delivery.put("a")
    delivery.shipper.step()
    assert delivery.shipper.paused_until == until
    delivery.clock.advance(599)
    delivery.shipper.step(force=True)
    assert len(delivery.sink.batches) == 1
    delivery.clock.advance(1)
    delivery.shipper.step()
    assert len(delivery.sink.batches) == 2


@pytest.mark.parametrize("wall", [0, 10**19])
def test_a_pause_is_no_longer_than_when_it_was_set_whatever_the_wall_clock_does(
    delivery: Delivery, wall: int
) -> None:
    until = delivery.clock.time_ns() + 600 * NS
    delivery.sink.answer = lambda _: Receipt.pause("daily_limit", "spent", until_ns=until)
    delivery.put("a")
    delivery.shipper.step()
    delivery.clock.set_wall(wall)
    delivery.outbox.rewind()
    delivery.restart()
    delivery.shipper.step()
    delivery.clock.advance(600)
    delivery.sink.answer = lambda _: None
    delivery.run(seconds=0.1)
    assert delivery.outbox.pending() == 0


def test_a_pause_without_an_end_is_tried_once_an_hour(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.pause("http_401", "no key")
    delivery.put("a")
    delivery.run(seconds=3 * 3600 - 1)
    assert len(delivery.sink.batches) == 3
    assert [text for _, text in delivery.reports] == [
        "sink here: paused: http_401 no key; its records wait"
    ] * 3


def test_a_pause_of_another_process_holds_for_the_same_settings(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.pause("http_401", "no key")
    delivery.put("a")
    delivery.shipper.step()
    delivery.outbox.rewind()
    delivery.restart()
    delivery.shipper.step(force=True)
    assert len(delivery.sink.batches) == 1


def test_a_pause_ends_when_the_key_changes(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.pause("http_401", "no key")
    delivery.put("a")
    delivery.shipper.step()
    delivery.outbox.rewind()
    delivery.sink.instance = Settings(api_key="two")
    delivery.restart()
    delivery.shipper.step()
    assert len(delivery.sink.batches) == 2


def test_a_pause_ends_within_seconds_when_another_process_resumes_the_sink(
    delivery: Delivery, tmp_path: Path
) -> None:
    delivery.sink.answer = lambda _: Receipt.pause("http_401", "no key")
    delivery.put("a")
    assert delivery.shipper.step() == 5.0
    SinkState(tmp_path / "state" / "here.json", delivery.clock).clear()
    delivery.clock.advance(5)
    delivery.shipper.step()
    assert len(delivery.sink.batches) == 2


def test_a_paused_sink_that_is_owed_nothing_has_nothing_to_do(delivery: Delivery) -> None:
    delivery.sink.answer = lambda batch: Receipt(
        delivered=frozenset(r.id for r in batch), retry_after=60.0
    )
    delivery.put("a")
    delivery.shipper.step()
    assert delivery.shipper.step() is None


def test_when_all_is_well_again_nothing_is_left_in_the_state(
    delivery: Delivery, tmp_path: Path
) -> None:
    delivery.sink.answer = lambda _: Receipt.wait("slow down", retry_after=100.0)
    delivery.put("a")
    delivery.shipper.step()
    assert (tmp_path / "state" / "here.json").exists()
    delivery.sink.answer = lambda _: None
    delivery.run()
    assert not (tmp_path / "state" / "here.json").exists()


# -- refusals


def test_a_rejected_record_becomes_a_dead_letter_with_its_reason(delivery: Delivery) -> None:
    why = Rejection("bad_type", "an int, please")
    delivery.sink.answer = lambda _: Receipt.of(["a"], {"b": why})
    delivery.put("a", "b")
    delivery.run()
    assert delivery.letters.kept["b"].reason == "an int, please"
    assert (delivery.shipper.delivered, delivery.shipper.refused) == (1, 1)
    assert delivery.outbox.pending() == 0


def test_a_refused_batch_is_halved_until_the_offender_stands_alone(delivery: Delivery) -> None:
    delivery.sink.answer = poison("c", answer=refusing())
    delivery.put(*"abcdefgh")
    delivery.run()
    assert delivery.letters.codes == {"c": "http_400"}
    assert (delivery.shipper.delivered, delivery.outbox.pending()) == (7, 0)


@pytest.mark.parametrize("bad", ["a", "h", "ah", "dg", "gh", "abcdefg"[1:5]])
def test_however_many_offend_the_others_arrive(delivery: Delivery, bad: str) -> None:
    delivery.sink.answer = poison(*bad, answer=refusing())
    delivery.put(*"abcdefgh")
    delivery.run(seconds=10 * 3600)
    assert set(delivery.letters.codes) <= set(bad)
    assert delivery.shipper.delivered == 8 - len(bad)


def test_after_halving_batches_grow_back(delivery: Delivery) -> None:
    delivery.sink.answer = lambda batch: (
        Receipt.refuse("http_413", "too large") if len(delivery.sink.batches) == 1 else None
    )
    delivery.put(*(f"e{number:02}" for number in range(32)))
    delivery.run()
    assert [len(batch) for batch in delivery.sink.batches] == [8, 4, 8, 8, 8, 4]


def test_when_whatever_is_sent_is_refused_it_is_the_destination(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.refuse("http_400", "unknown path")
    delivery.put(*"abcdefgh")
    delivery.run(seconds=1800)
    assert [len(batch) for batch in delivery.sink.batches] == [8, 4, 2, 1, 1]
    assert (delivery.letters.kept, delivery.outbox.pending()) == ({}, 8)
    assert any("refuses whatever it is sent" in text for _, text in delivery.reports)


def test_a_batch_of_records_of_a_kind_that_has_no_place_is_buried_at_once(
    delivery: Delivery,
) -> None:
    why = Rejection("no_events", "runs only", certain=True)
    delivery.sink.answer = lambda batch: Receipt.of((), dict.fromkeys((r.id for r in batch), why))
    delivery.put("a", "b", "c")
    delivery.shipper.step()
    assert list(delivery.letters.kept) == ["a", "b", "c"]
    assert delivery.shipper.pause is None


def test_a_receipt_that_rejects_each_for_one_reason_may_mean_the_destination_too(
    delivery: Delivery,
) -> None:
    why = Rejection("no_such_project", "it is gone")
    delivery.sink.answer = lambda batch: Receipt.of((), {r.id: why for r in batch})
    delivery.put(*"abcd")
    delivery.run(seconds=1800)
    assert (delivery.letters.kept, delivery.outbox.pending()) == ({}, 4)


def test_the_next_process_does_not_bury_what_a_bad_destination_refuses(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.refuse("http_400", "unknown path")
    delivery.put(*"abcd")
    delivery.run(seconds=1800)
    delivery.outbox.rewind()
    delivery.restart()
    delivery.run(seconds=5 * 3600)
    assert (delivery.letters.kept, delivery.outbox.pending()) == ({}, 4)


def test_when_the_destination_is_mended_everything_arrives(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.refuse("http_400", "unknown path")
    delivery.put(*"abcdefgh")
    delivery.run(seconds=1800)
    delivery.sink.answer = lambda _: None
    delivery.run()
    assert (delivery.letters.kept, delivery.shipper.delivered) == ({}, 8)


def test_records_rejected_for_reasons_of_their_own_are_buried(delivery: Delivery) -> None:
    delivery.sink.answer = lambda batch: Receipt.of(
        (), {r.id: Rejection(f"bad_{r.id}", "") for r in batch}
    )
    delivery.put("a", "b")
    delivery.run()
    assert delivery.letters.codes == {"a": "bad_a", "b": "bad_b"}


def test_without_a_place_for_dead_letters_the_refused_wait(delivery: Delivery) -> None:
    delivery.sink.answer = lambda batch: Receipt.of(
        [r.id for r in batch if r.id != "b"], {"b": Rejection("bad", "")}
    )
    delivery.letters.broken = True
    delivery.put("a", "b", "c")
    delivery.run(seconds=10)
    assert (delivery.outbox.pending(), delivery.shipper.refused) == (1, 0)
    delivery.letters.broken = False
    delivery.clock.advance(60)
    delivery.run()
    assert (delivery.outbox.pending(), delivery.letters.codes) == (0, {"b": "bad"})


def test_without_a_place_for_dead_letters_no_more_than_a_batch_is_refused(
    delivery: Delivery,
) -> None:
    delivery.sink.batch_size = 2
    delivery.sink.answer = lambda batch: Receipt.of(
        (), {r.id: Rejection(f"bad_{r.id}", "") for r in batch}
    )
    delivery.letters.broken = True
    delivery.put(*"abcdefgh")
    delivery.run(seconds=100)
    assert (len(delivery.sink.batches), delivery.outbox.pending()) == (1, 8)


# -- plugins that raise


@pytest.mark.parametrize("bad", ["a", "d", "h", "gh", "ah", "abcd"])
def test_records_that_raise_are_told_from_an_outage_by_what_passes_meanwhile(
    delivery: Delivery, bad: str
) -> None:
    delivery.sink.answer = poison(*bad, answer=raising(KeyError("no such field")))
    delivery.put(*"abcdefgh")
    delivery.run()
    delivery.put(*"ijklmnop")
    delivery.run()
    assert delivery.letters.codes == dict.fromkeys(bad, "plugin_error")
    assert (delivery.shipper.delivered, delivery.outbox.pending()) == (16 - len(bad), 0)


@pytest.mark.parametrize("bad", ["a", "d", "h"])
def test_a_record_that_keeps_raising_while_others_pass_is_buried(
    delivery: Delivery, bad: str
) -> None:
    delivery.sink.answer = poison(*bad, answer=raising(KeyError("no such field")))
    delivery.put(*"abcdefgh")
    delivery.run()
    assert delivery.letters.codes == dict.fromkeys(bad, "plugin_error")
    assert (delivery.shipper.delivered, delivery.outbox.pending()) == (8 - len(bad), 0)


def test_the_same_exception_three_times_halves_the_batch(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: raising(KeyError("x"))()
    delivery.put(*"abcdefgh")
    while len(delivery.sink.batches) < 4:
        delivery.clock.advance(delivery.shipper.step() or 0.0)
    assert [len(batch) for batch in delivery.sink.batches] == [8, 8, 8, 4]


def test_records_that_come_in_meanwhile_do_not_change_the_batch_that_raised(
    delivery: Delivery,
) -> None:
    delivery.sink.answer = poison("a", answer=raising(KeyError("x")))
    delivery.put("a", "b")
    for number in range(3):
        delivery.clock.advance(delivery.shipper.step() or 0.0)
        delivery.put(f"late{number}")
    assert delivery.sink.shipped == [["a", "b"]] * 3


def test_an_outage_that_raises_buries_nothing(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: raising(ConnectionError("refused"))()
    delivery.put(*"abcdefgh")
    delivery.run(seconds=6 * 3600)
    assert (delivery.letters.kept, delivery.outbox.pending()) == ({}, 8)
    delivery.sink.answer = lambda _: None
    delivery.run()
    assert (delivery.letters.kept, delivery.shipper.delivered) == ({}, 8)


def test_a_record_alone_that_raises_is_kept_until_others_pass(delivery: Delivery) -> None:
    delivery.sink.answer = poison("a", answer=raising(KeyError("x")))
    delivery.put("a")
    delivery.run(seconds=3600)
    assert delivery.letters.kept == {}
    delivery.put("b")
    delivery.run()
    assert delivery.letters.codes == {"a": "plugin_error"}


def test_addresses_in_its_text_do_not_make_an_exception_another(delivery: Delivery) -> None:
    def answer(batch: Batch) -> None:
        if "a" in {r.id for r in batch}:
            raise TypeError(f"<object at {hex(id(object()) + len(delivery.sink.batches))}>")

    delivery.sink.answer = answer
    delivery.put("a", "b")
    delivery.run()
    assert delivery.letters.codes == {"a": "plugin_error"}


# -- ends by age and by count


def test_what_is_too_old_and_failed_here_becomes_a_dead_letter(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.wait("down")
    delivery.put("old", time_ns=delivery.clock.time_ns() - 15 * DAY)
    delivery.put("new")
    delivery.shipper.step()
    assert delivery.letters.codes == {"old": "too_old"}
    assert delivery.outbox.pending() == 1


def test_what_is_old_but_arrives_is_no_dead_letter(delivery: Delivery) -> None:
    delivery.put("old", time_ns=delivery.clock.time_ns() - 15 * DAY)
    delivery.run()
    assert (delivery.shipper.delivered, delivery.letters.kept) == (1, {})


def test_a_record_from_a_clock_that_was_not_set_is_not_taken_for_old(delivery: Delivery) -> None:
    delivery.sink.answer = lambda _: Receipt.wait("down")
    delivery.put("of 1970", time_ns=5 * NS)
    delivery.shipper.step()
    assert (delivery.letters.kept, delivery.outbox.pending()) == ({}, 1)


def test_where_attempts_are_counted_the_last_one_drops_the_record(delivery: Delivery) -> None:
    delivery.settings = {"max_attempts": 2}
    delivery.restart()
    delivery.sink.answer = lambda _: Receipt.wait("down")
    delivery.put("a")
    delivery.run()
    assert (len(delivery.sink.batches), delivery.shipper.dropped) == (2, 1)
    assert (delivery.outbox.pending(), delivery.letters.kept) == (0, {})


# -- reports


def test_a_report_that_raises_loses_no_record(delivery: Delivery) -> None:
    def strict(kind: str, text: str) -> None:
        raise AssertionError(text)

    delivery.shipper = Shipper(
        delivery.sink,
        delivery.outbox,
        clock=delivery.clock,
        dead_letters=delivery.letters,
        state=delivery.state,
        report=strict,
    )
    delivery.sink.answer = lambda _: Receipt.of(["a"], {"b": Rejection("bad", "")})
    delivery.put("a", "b")
    delivery.run()
    assert (delivery.shipper.delivered, delivery.shipper.refused) == (1, 1)


def test_the_first_failure_of_a_kind_is_logged_and_what_becomes_of_the_records(
    delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    delivery.shipper = Shipper(
        delivery.sink,
        delivery.outbox,
        clock=delivery.clock,
        dead_letters=delivery.letters,
        state=delivery.state,
        report=Complaints().warn,
    )
    delivery.sink.answer = lambda _: Receipt.wait("down")
    delivery.put("a")
    delivery.run(seconds=600)
    assert len(delivery.sink.batches) > 2
    assert [r.message for r in caplog.records if "sink here: down" in r.message] == [
        "sink here: down; its records wait (said once; get_stats() counts the rest)"
    ]
