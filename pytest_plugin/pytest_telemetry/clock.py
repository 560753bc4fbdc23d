"""A clock that stands still until a test moves it."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from telemetry_core import Bell

NS = 1_000_000_000
NOON = 1_767_268_800 * NS  # 2026-01-01T12:00:00Z


@define(eq=False)
class _Waiter:
    """One call of `wait`: at which bell, until when, and what became of it."""

    bell: Bell
    until: float
    due: bool = False
    rang: bool = False


class FakeClock:
    """Wall time, steady time, sleep and wait, all moved by `advance` alone.

    Any thread may wait, any may advance. As with every clock, a bell has one thread waiting at it.
    """

    def __init__(self, start_ns: int = NOON) -> None:
        self._wall_ns = start_ns
        self._steady_ns = 1_000 * NS
        self._changed = threading.Condition()
        self._waiting: list[_Waiter] = []

    def time_ns(self) -> int:
        """Return the wall time in nanoseconds."""
        return self._wall_ns

    def monotonic(self) -> float:
        """Return the steady time in seconds."""
        return self._steady_ns / NS

    def sleep(self, seconds: float) -> None:
        """Advance by so much, at once."""
        self.advance(seconds)

    def wait(self, bell: Bell, timeout: float | None) -> bool:
        """Wait until the bell rings or the clock was advanced past the timeout; true if it rang."""
        with self._changed:
            waiter = _Waiter(bell, self._after(timeout))
            if waiter.until <= self._steady_ns:
                return bell.wait(0)
            self._waiting.append(waiter)
            self._changed.notify_all()
        try:
            bell.wait(None)
        finally:
            with self._changed:
                if not waiter.due:
                    self._waiting.remove(waiter)
        # When both happened, the bell may ring once more: that ring must not end the next wait.
        return not waiter.due or waiter.rang or bell.wait(0)

    def advance(self, seconds: float) -> None:
        """Move wall and steady time forward and wake whoever waited for less."""
        if seconds < 0:
            raise ValueError("time only goes forward; use `set_wall` to put the wall clock back")
        with self._changed:
            self._wall_ns += _whole(seconds)
            self._steady_ns += _whole(seconds)
            for waiter in [w for w in self._waiting if w.until <= self._steady_ns]:
                self._waiting.remove(waiter)
                waiter.due = True
                waiter.rang = not waiter.bell.ring()

    def set_wall(self, time_ns: int) -> None:
        """Set the wall clock, forward or back, without any steady time going by."""
        with self._changed:
            self._wall_ns = time_ns

    def wait_for_waiters(self, count: int = 1, *, within: float = 10.0) -> None:
        """Return once so many threads wait at this clock, so that `advance` finds them waiting.

        Raises `TimeoutError` when they do not within so many seconds of real time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._waiting) >= count, within):
                raise TimeoutError(f"{len(self._waiting)} of {count} threads wait at the clock")

    def _after(self, timeout: float | None) -> float:
        if timeout is None or timeout == math.inf:
            return math.inf
        return self._steady_ns + _whole(timeout)


def _whole(seconds: float) -> int:
    """Return nanoseconds, at least one: a loop that waits for what is left of a second ends."""
    return max(round(seconds * NS), 1) if seconds > 0 else 0
