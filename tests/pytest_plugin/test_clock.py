"""Only the test moves the time, however many threads wait for it."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry.clock import NOON, NS, FakeClock

from telemetry_core.clock import Bell

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0  # real seconds, only ever spent by a test that fails


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def in_thread(work: Callable[[], object]) -> Callable[[], object]:
    """Do the work in a thread; return what waits for its result."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()

    def result() -> object:
        thread.join(PATIENCE)
        assert results, "the thread is still waiting"
        return results[0]

    return result


def test_time_stands_still_until_it_is_advanced(clock: FakeClock) -> None:
    assert (clock.time_ns(), clock.monotonic()) == (NOON, clock.monotonic())
    before = clock.monotonic()
    clock.advance(1.5)
    assert (clock.time_ns() - NOON, clock.monotonic() - before) == (1.5 * NS, 1.5)


def test_sleeping_takes_no_time_but_the_clocks(clock: FakeClock) -> None:
    clock.sleep(3600)
    assert clock.time_ns() == NOON + 3600 * NS


def test_time_does_not_go_back(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="set_wall"):
        clock.advance(-1)


def test_the_wall_clock_can_be_put_back_while_steady_time_stays(clock: FakeClock) -> None:
    steady = clock.monotonic()
    clock.set_wall(0)
    assert (clock.time_ns(), clock.monotonic()) == (0, steady)


@pytest.mark.parametrize("timeout", [0, -1, 5, None, math.inf])
def test_a_bell_that_rang_before_ends_the_wait_at_once(
    timeout: float | None, clock: FakeClock
) -> None:
    bell = Bell()
    bell.ring()
    assert clock.wait(bell, timeout)


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_wait_for_no_time_ends_at_once(timeout: float, clock: FakeClock) -> None:
    assert not clock.wait(Bell(), timeout)


def test_a_wait_ends_when_the_clock_passes_its_timeout(clock: FakeClock) -> None:
    result = in_thread(lambda: clock.wait(Bell(), 5))
    clock.wait_for_waiters()
    clock.advance(5)
    assert result() is False


@pytest.mark.parametrize("timeout", [5, None, math.inf])
def test_a_wait_lasts_until_the_bell_rings_when_time_does_not_end_it(
    timeout: float | None, clock: FakeClock
) -> None:
    bell = Bell()
    result = in_thread(lambda: clock.wait(bell, timeout))
    clock.wait_for_waiters()
    clock.advance(4)
    clock.wait_for_waiters()
    bell.ring()
    assert result() is True


def test_only_those_whose_time_has_come_are_woken(clock: FakeClock) -> None:
    soon, late = Bell(), Bell()
    first = in_thread(lambda: clock.wait(soon, 1))
    second = in_thread(lambda: clock.wait(late, 10))
    clock.wait_for_waiters(2)
    clock.advance(1)
    assert first() is False
    late.ring()
    assert second() is True


def test_time_that_passes_is_never_taken_for_a_ring(clock: FakeClock) -> None:
    bell, rounds = Bell(), 500
    results = in_thread(lambda: [clock.wait(bell, 1) for _ in range(rounds)])
    for _ in range(rounds):
        clock.wait_for_waiters()
        clock.advance(1)
    assert results() == [False] * rounds


def test_a_ring_counts_also_when_time_is_over_at_once(clock: FakeClock) -> None:
    for _ in range(500):
        bell = Bell()
        result = in_thread(lambda bell=bell: clock.wait(bell, 1))  # type: ignore[misc]
        clock.wait_for_waiters()
        bell.ring()
        clock.advance(1)
        assert result() is True
        assert not bell.wait(0), "the next wait would end for nothing"


def test_no_ring_is_lost_while_time_flies(clock: FakeClock) -> None:
    bell, letters, count = Bell(), deque[int](), 2000

    def read() -> list[int]:
        read: list[int] = []
        while len(read) < count:
            clock.wait(bell, 1)
            while letters:
                read.append(letters.popleft())
        return read

    result = in_thread(read)
    for letter in range(count):
        clock.advance(1)
        letters.append(letter)
        bell.ring()
    assert result() == list(range(count))


def test_missing_waiters_are_an_error_that_counts_them(clock: FakeClock) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 threads wait"):
        clock.wait_for_waiters(within=0)
