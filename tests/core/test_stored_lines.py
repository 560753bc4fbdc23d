"""What was stored of runs as lines of JSON, read back the same whenever that is."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry_core import (
    NEVER_NULL_FIELDS,
    RUN_FIELDS,
    InvalidRecordError,
    Kind,
    Lane,
    Record,
    RunRecord,
    identified,
    json_object,
    parse_iso8601,
)

START = "2026-01-01T12:00:00+00:00"
LATER = "2026-01-01T12:05:00+00:00"


def stored(**fields: Any) -> dict[str, Any]:
    run = {"run_id": "r-1", "agent_name": "crawler", "job_type": "nightly", "start_time": START}
    return {**run, **fields}


def record(**fields: Any) -> Record:
    return Record.of_run(RunRecord.from_dict(identified(stored(**fields))), "line-1", size=9)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"n": 1}', {"n": 1}),
        (b'\xef\xbb\xbf{"n": NaN, "m": -Infinity}', {"n": None, "m": None}),
        (rb'{"n": "\ud800"}', {"n": "\ud800"}),
    ],
    ids=["JSON", "what is no number", "half a character"],
)
def test_a_line_is_read_that_any_program_of_pythons_wrote(line: bytes, value: Any) -> None:
    assert json_object(line) == value


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"run_id": "to', "it is torn, or no JSON"),
        (b"[" * 100_000, "it is torn, or no JSON"),
        (b'{"run_id": "\xff"}', "it is not UTF-8"),
        (b"[1]", "it is JSON, but no object"),
    ],
)
def test_a_line_that_is_none_says_why(line: bytes, why: str) -> None:
    with pytest.raises(InvalidRecordError, match=why):
        json_object(line)


def test_a_run_without_an_event_id_gets_the_same_one_each_time() -> None:
    assert identified(stored())["event_id"] == identified(stored(status="success"))["event_id"]
    assert identified(stored())["event_id"] != identified(stored(run_id="r-2"))["event_id"]
    assert identified(stored(event_id="e-1"))["event_id"] == "e-1"


@pytest.mark.parametrize("name", ["run_id", "agent_name", "job_type", "start_time"])
def test_what_makes_a_run_may_not_be_missing(name: str) -> None:
    with pytest.raises(InvalidRecordError, match=f"{name} is missing"):
        identified(stored(**{name: None}))


def test_a_stored_run_is_as_old_as_what_it_tells() -> None:
    assert record().time_ns == parse_iso8601(START)
    assert record(updated_at="lately", end_time=LATER).time_ns == parse_iso8601(LATER)
    assert record(start_time="once upon a time").time_ns == 0


def test_a_stored_run_is_a_start_or_an_end() -> None:
    said = [(one.id, one.kind, one.lane, one.size) for one in (record(), record(status="success"))]
    assert said == [
        ("line-1", Kind.START_RUN, Lane.CRITICAL, 9),
        ("line-1", Kind.END_RUN, Lane.CRITICAL, 9),
    ]


def test_a_row_never_lacks_its_numbers_and_flags() -> None:
    blank = RunRecord("r-1", "crawler", "nightly")
    numbers = {name for name in RUN_FIELDS if type(getattr(blank, name)) in {int, bool}}
    assert {*NEVER_NULL_FIELDS} == numbers
