"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_core.clock import Bell

NS = 1_000_000_000
NOON = 1_767_268_800 * NS  # 2026-01-01T12:00:00Z


class FakeClock:
    """Wall time, steady time, sleep and wait, all moved by `advance` alone."""

    def __init__(self, start_ns: int = NOON) -> None:
        self._wall_ns = start_ns
        self._steady_ns = 1_000 * NS
        self._lock = threading.Lock()
        self._waiting: dict[Bell, int] = {}

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
        """Wait until the bell rings or the clock was advanced past the timeout."""
        if timeout is None:
            return bell.wait(None)
        with self._lock:
            until = self._steady_ns + round(timeout * NS)
            if until <= self._steady_ns:
                return bell.wait(0)
            self._waiting[bell] = until
        bell.wait(None)
        with self._lock:
            self._waiting.pop(bell, None)
            return self._steady_ns < until

    def advance(self, seconds: float) -> None:
        """Move wall and steady time forward and wake whoever waited for less."""
        with self._lock:
            self._wall_ns += round(seconds * NS)
            self._steady_ns += round(seconds * NS)
            due = [bell for bell, until in self._waiting.items() if until <= self._steady_ns]
        for bell in due:
            bell.ring()

    def set_wall(self, time_ns: int) -> None:
        """Set the wall clock, forward or back, without any steady time going by."""
        self._wall_ns = time_ns
