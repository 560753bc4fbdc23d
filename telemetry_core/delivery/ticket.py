"""What the one who asked a worker for something waits at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.clock import Bell

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.clock import Clock


class Ticket:
    """A request to deliver what is pending, rung when the worker did what it could."""

    __slots__ = ("_bell", "_clock", "_worth_waiting", "answered", "done")

    def __init__(self, clock: Clock, *, worth_waiting: Callable[[], bool]) -> None:
        self.answered = self.done = False
        self._clock = clock
        self._worth_waiting = worth_waiting
        self._bell = Bell()

    def wait(self, timeout: float) -> bool:
        """Wait until the worker did what it could; false when the time is over.

        Returns at once where waiting is vain: on the worker's own thread, or without one.
        """
        if not self.done and self._worth_waiting():
            self._clock.wait(self._bell, timeout)
        return self.done

    def wait_really(self, seconds: float) -> bool:
        """Wait in real time, whatever clock the worker lives by: the process is ending."""
        if not self.done and self._worth_waiting():
            self._bell.wait(seconds)
        return self.done

    def answer(self, *, done: bool) -> None:
        """Wake the one who waits."""
        self.done = done
        self.answered = True
        self._bell.ring()
