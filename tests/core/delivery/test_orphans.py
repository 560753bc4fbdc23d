from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_telemetry.clock import NOON, NS

from telemetry_core.clock import iso8601
from telemetry_core.codec import decode
from telemetry_core.delivery.alarm import Alarm
from telemetry_core.delivery.intake import Intake
from telemetry_core.ids import RandomIds
from telemetry_core.models import RunRecord
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from pytest_telemetry.clock import FakeClock


@pytest.fixture
def lines() -> list[bytes]:
    return []


@pytest.fixture
def intake(telemetry_clock: FakeClock, lines: list[bytes]) -> Intake:
    def put(_: Lane, line: bytes) -> bool:
        lines.append(line)
        return True

    intake = Intake(telemetry_clock, RandomIds(), Alarm())
    intake.write_to(put, int)
    return intake


def ended(lines: list[bytes]) -> RunRecord:
    (line,) = lines
    body = decode(line, Lane.CRITICAL).body
    assert isinstance(body, RunRecord)
    return body


def test_an_orphan_ended_when_its_program_was_last_heard_of(
    intake: Intake, lines: list[bytes]
) -> None:
    orphan = RunRecord("r", "agent", "job", start_time=iso8601(NOON), revision=3)
    orphan.updated_at = iso8601(NOON + NS)
    intake.close_orphan(orphan, NOON + 5 * NS)
    run = ended(lines)
    assert (run.status, run.inferred, run.revision) == ("cancelled", True, 3)
    assert (run.end_time, run.duration_ms) == (iso8601(NOON + 5 * NS), 5000)


@pytest.mark.parametrize("last_ns", [0, NOON - 1])
def test_an_orphan_ends_no_earlier_than_it_began(
    intake: Intake, lines: list[bytes], last_ns: int
) -> None:
    intake.close_orphan(RunRecord("r", "agent", "job", start_time=iso8601(NOON)), last_ns)
    run = ended(lines)
    assert (run.end_time, run.duration_ms) == (iso8601(NOON), 0)


def test_an_orphan_whose_start_cannot_be_read_ends_all_the_same(
    intake: Intake, lines: list[bytes]
) -> None:
    intake.close_orphan(RunRecord("r", "agent", "job", start_time="noon"), NOON)
    run = ended(lines)
    assert (run.end_time, run.duration_ms) == (iso8601(NOON), 0)


def test_an_orphans_end_has_the_same_id_whoever_writes_it(
    intake: Intake, lines: list[bytes]
) -> None:
    for last_ns in (NOON, NOON + NS):
        intake.close_orphan(RunRecord("r", "agent", "job", event_id="e"), last_ns)
    assert len({decode(line, Lane.CRITICAL).id for line in lines}) == 1
