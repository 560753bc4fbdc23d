from __future__ import annotations

import threading
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_core.clock import (
    Bell,
    SystemClock,
    calculate_duration_ms,
    get_iso8601_timestamp,
    iso8601,
    parse_iso8601,
)

NS = 1_000_000_000
NOON = 1_767_268_800 * NS


def test_a_time_is_written_in_utc_to_the_microsecond() -> None:
    assert iso8601(NOON + 1_234_567) == "2026-01-01T12:00:00.001234+00:00"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00",
        "2026-01-01T13:30:00+01:30",
        "20260101T120000Z",
    ],
)
def test_a_time_is_read_in_any_form_of_the_standard(text: str) -> None:
    assert parse_iso8601(text) == NOON


@given(st.integers(-62_135_596_800 * 10**6, 253_402_300_799 * 10**6))
def test_what_is_written_is_read_back(microseconds: int) -> None:
    assert parse_iso8601(iso8601(microseconds * 1000)) == microseconds * 1000


@pytest.mark.parametrize("time_ns", [10**30, -(10**30), 2**63])
def test_a_clock_beyond_the_calendar_is_still_written(time_ns: int) -> None:
    assert datetime.fromisoformat(iso8601(time_ns)).tzinfo is not None


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "2026-01-01T25:00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_iso8601(text)


def test_a_duration_is_in_milliseconds_and_never_negative() -> None:
    start, end = "2026-01-01T12:00:00Z", "2026-01-01T13:00:01.5+01:00"
    assert calculate_duration_ms(start, end) == 1500
    assert calculate_duration_ms(end, start) == 0


def test_the_present_is_between_before_and_after() -> None:
    before = SystemClock.time_ns() // 1000 * 1000
    assert before <= parse_iso8601(get_iso8601_timestamp()) <= SystemClock.time_ns()


def test_a_bell_rung_before_the_wait_is_heard() -> None:
    bell = Bell()
    bell.ring()
    assert bell.wait(0)


def test_ringing_twice_is_ringing_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert (bell.wait(0), bell.wait(0)) == (True, False)


@pytest.mark.parametrize("timeout", [0, -5, 1e-9])
def test_a_silent_bell_is_not_waited_for_longer_than_asked(timeout: float) -> None:
    assert SystemClock.wait(Bell(), timeout) is False


@pytest.mark.parametrize("timeout", [None, 1e300, float("inf")])
def test_a_bell_wakes_who_waits_however_long(timeout: float | None) -> None:
    bell, woken = Bell(), []
    waiter = threading.Thread(target=lambda: woken.append(bell.wait(timeout)), daemon=True)
    waiter.start()
    bell.ring()
    waiter.join(10)
    assert woken == [True]
