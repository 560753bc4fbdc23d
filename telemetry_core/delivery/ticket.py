"""What the one who asked a worker for something waits at."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from telemetry_core.clock import Bell, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.clock import Clock


class Ticket:
    """A request to deliver what is pending, rung when the worker did what it could.

    The worker ends for good after the `last` one.

    :ivar waited: the real seconds that passed until the one who asked had waited long enough.
    """

    __slots__ = (
        *("_answered", "_asked_at", "_bell", "_clock", "_worth_waiting"),
        *("done", "last", "waited"),
    )

    def __init__(
        self, clock: Clock, *, worth_waiting: Callable[[], bool], last: bool = False
    ) -> None:
        self.done = False
        self.last = last
        self.waited = 0.0
        self._answered = False
        self._asked_at = SystemClock.monotonic()
        self._clock = clock
        self._worth_waiting = worth_waiting
        self._bell = Bell()

    @property
    def open(self) -> bool:
        """Whether an answer may yet come; none does on the worker's own thread or without one."""
        return not self._answered and self._worth_waiting()

    def wait(self, timeout: float) -> bool:
        """Wait until the worker did what it could; false when it could not, or not in time."""
        if self.open:
            self._clock.wait(self._bell, timeout)
            self.waited = SystemClock.monotonic() - self._asked_at
        return self.done

    def answer(self, *, done: bool) -> None:
        """Wake the one who waits."""
        self.done = done
        self._answered = True
        self._bell.ring()


class Tickets:
    """Those that wait for one worker; anybody may add one, the worker takes and answers them."""

    def __init__(self) -> None:
        self._asked: deque[Ticket] = deque()
        self._taken: list[Ticket] = []

    @property
    def asked(self) -> bool:
        """Whether somebody asked since the last look."""
        return bool(self._asked)

    @property
    def taken(self) -> bool:
        """Whether somebody waits whose ticket was taken."""
        return bool(self._taken)

    @property
    def last(self) -> bool:
        """Whether one of those that were taken is the last."""
        return any(ticket.last for ticket in self._taken)

    @property
    def waited(self) -> float:
        """For how many real seconds somebody has waited for an answer that is still to come."""
        return max((ticket.waited for ticket in (*self._asked.copy(), *self._taken)), default=0.0)

    def add(self, ticket: Ticket) -> None:
        """Have one more wait."""
        self._asked.append(ticket)

    def take(self) -> bool:
        """Take what was asked since the last look; false when nothing was."""
        asked = self.asked
        while self._asked:
            self._taken.append(self._asked.popleft())
        return asked

    def answer(self, *, done: bool) -> None:
        """Answer all that were taken."""
        for ticket in self._taken:
            ticket.answer(done=done)
        self._taken.clear()
