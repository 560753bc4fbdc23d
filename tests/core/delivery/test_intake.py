"""What the intake writes, in which lane and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.codec import decode, is_repeat
from telemetry_core.delivery.alarm import Alarm
from telemetry_core.delivery.intake import Intake
from telemetry_core.delivery.memory_spool import MemorySpool
from telemetry_core.models import RunEvent, RunRecord
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from pytest_telemetry.clock import FakeClock
    from pytest_telemetry.ids import CountingIds


class Paper:
    """Where an intake writes."""

    def __init__(self) -> None:
        self.lines: list[tuple[Lane, bytes]] = []
        self.segment = 1
        self.full = False
        self.roll_at = 0

    def put(self, lane: Lane, line: bytes) -> bool:
        if self.full:
            return False
        self.lines.append((lane, line))
        if len(self.lines) == self.roll_at:
            self.segment += 1
        return True

    def records(self) -> list[Any]:
        return [decode(line, lane) for lane, line in self.lines]


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def intake(paper: Paper, telemetry_clock: FakeClock, telemetry_ids: CountingIds) -> Intake:
    intake = Intake(telemetry_clock, telemetry_ids, Alarm(), critical=("pay*",))
    intake.write_to(paper.put, lambda: paper.segment)
    return intake


def event(event_type: str = "x") -> RunEvent:
    return RunEvent("e", event_type, 5, None, {"n": 1})


def run() -> RunRecord:
    return RunRecord("r", "agent", "job", event_id="id-r")


def test_moments_are_numbered_in_their_order(intake: Intake, paper: Paper) -> None:
    story = run()
    intake.on_start_run(story)
    intake.on_event(event())
    intake.update_run(story)
    story.status = "success"
    intake.on_end_run(story)
    assert [(record.seq, record.kind.value) for record in paper.records()] == [
        (1, "start_run"),
        (2, "event"),
        (3, "update_run"),
        (4, "end_run"),
    ]
    assert len({record.id for record in paper.records()}) == 4


@pytest.mark.parametrize(
    ("event_type", "lane"),
    [("x", Lane.STANDARD), ("exception", Lane.CRITICAL), ("payment", Lane.CRITICAL)],
)
def test_exceptions_and_declared_types_are_critical(
    intake: Intake, paper: Paper, event_type: str, lane: Lane
) -> None:
    intake.on_event(event(event_type))
    intake.on_event(event(event_type))
    assert [where for where, _ in paper.lines] == [lane, lane]


def test_event_types_without_end_are_judged_but_not_all_remembered(
    intake: Intake, paper: Paper
) -> None:
    for n in range(5000):
        intake.on_event(event(f"type {n}"))
    intake.on_event(event("exception"))
    assert paper.lines[-1][0] is Lane.CRITICAL
    assert len(intake._lanes) < 5000


def test_open_runs_stand_at_the_head_of_a_segment_until_they_end(
    intake: Intake, paper: Paper
) -> None:
    story = run()
    intake.on_start_run(story)
    [line] = intake.preface()
    assert is_repeat(line)
    assert decode(line, Lane.CRITICAL).id == paper.records()[0].id
    assert intake.open_runs() == [story]
    intake.on_end_run(story)
    assert (list(intake.preface()), intake.open_runs()) == ([], [])


def test_an_end_is_repeated_when_the_segment_rolled_at_it(intake: Intake, paper: Paper) -> None:
    story = run()
    intake.on_start_run(story)
    paper.roll_at = 2
    story.status = "success"
    intake.on_end_run(story)
    _, end, again = paper.lines
    assert (is_repeat(end[1]), is_repeat(again[1])) == (False, True)
    assert decode(end[1], Lane.CRITICAL).id == decode(again[1], Lane.CRITICAL).id


def test_an_orphan_is_cancelled_under_the_same_id_by_whoever_closes_it(
    intake: Intake, paper: Paper
) -> None:
    for last_ns in (2 * 10**18, 0):
        intake.close_orphan(run(), last_ns)
    one, other = paper.records()
    assert one.id == other.id
    assert (one.body.status, one.body.inferred) == ("cancelled", True)
    assert (one.body.end_time or "")[:4] == "2033"


def test_sinks_without_a_disk_get_what_a_reader_would(
    telemetry_clock: FakeClock, telemetry_ids: CountingIds
) -> None:
    memory = MemorySpool()
    intake = Intake(telemetry_clock, telemetry_ids, Alarm(), memory_spools=[memory])
    intake.on_event(event())
    [record] = memory.take(10, 1000)
    assert isinstance(record.body, RunEvent)
    assert (record.body.payload, record.lane) == ({"n": 1}, Lane.STANDARD)


def test_whoever_waits_for_records_is_rung(
    telemetry_clock: FakeClock, telemetry_ids: CountingIds
) -> None:
    class Waiting:
        rung = 0

        def ring(self) -> None:
            self.rung += 1

    alarm, waiting = Alarm(), Waiting()
    alarm.waiting.add(waiting)
    Intake(telemetry_clock, telemetry_ids, alarm).on_event(event())
    assert waiting.rung == 1
