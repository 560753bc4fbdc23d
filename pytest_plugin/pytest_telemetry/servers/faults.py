"""How a fake server misbehaves: each fault stands between a request and its answer."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.exchange import LostError
from pytest_telemetry.servers.messages import Refusal
from telemetry_core import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pytest_telemetry.servers.exchange import Exchange
    from pytest_telemetry.servers.messages import Response
    from telemetry_core import Clock

    GoOn: TypeAlias = Callable[[], Response]


class Fault(ABC):
    """One misbehaviour, until it has acted so many times or is cleared.

    :ivar count: how many requests it has acted on.
    """

    def __init__(self, times: int | None = None) -> None:
        self.count = 0
        self.cleared = False
        self._times = times
        self._turn = threading.Lock()

    def takes(self, exchange: Exchange) -> bool:
        """Tell whether it acts on this request, and count it if so."""
        if self.cleared or not self.concerns(exchange):
            return False
        with self._turn:
            if self._times is not None and self.count >= self._times:
                return False
            self.count += 1
            return True

    def concerns(self, exchange: Exchange) -> bool:  # noqa: ARG002 - every one, unless a fault chooses
        """Tell whether this request is one of those meant."""
        return True

    @abstractmethod
    def act(self, exchange: Exchange, go_on: GoOn) -> Response:
        """Return the answer instead of, before or after what would have gone on."""


class Fail(Fault):
    """Answers with a status; nothing is stored."""

    def __init__(self, status: int, times: int | None) -> None:
        super().__init__(times)
        self._status = status

    def act(self, exchange: Exchange, go_on: GoOn) -> Response:  # noqa: ARG002
        """Answer with the status."""
        return exchange.told(Refusal(self._status, "it fails on request"))


class Hang(Fault):
    """Takes the request and never answers; the connection ends when the fault is cleared."""

    def act(self, exchange: Exchange, go_on: GoOn) -> Response:  # noqa: ARG002
        """Wait for the end."""
        exchange.wait(self, None)
        raise LostError


class Slow(Fault):
    """Lets time pass before it goes on."""

    def __init__(self, seconds: float, times: int | None, clock: Clock | None) -> None:
        super().__init__(times)
        self._seconds = seconds
        self._clock = clock

    def act(self, exchange: Exchange, go_on: GoOn) -> Response:
        """Wait in real time, or move the test's clock on at once."""
        if self._clock is None:
            exchange.wait(self, self._seconds)
        else:
            self._clock.sleep(self._seconds)
        return go_on()


class RateLimit(Fault):
    """Lets so many requests pass in a span of time and tells the others when to come again."""

    def __init__(self, allowed: int, retry_after: float, clock: Clock | None) -> None:
        super().__init__()
        self._allowed = allowed
        self._span = retry_after
        self._clock = clock or SystemClock()
        self._begun = -math.inf
        self._passed = 0

    def concerns(self, exchange: Exchange) -> bool:  # noqa: ARG002
        """Tell whether the span's allowance is used up."""
        with self._turn:
            now = self._clock.monotonic()
            if now - self._begun >= self._span:
                self._begun, self._passed = now, 0
            self._passed += 1
            return self._passed > self._allowed

    def act(self, exchange: Exchange, go_on: GoOn) -> Response:  # noqa: ARG002
        """Answer 429 and how many seconds of the span are left."""
        left = math.ceil(self._begun + self._span - self._clock.monotonic())
        return exchange.told(Refusal(429, "too many requests", retry_after=str(max(left, 0))))


class Reject(Fault):
    """Refuses the requests with a record that a test picks; nothing of them is stored."""

    def __init__(self, where: Callable[[Any], object], code: int) -> None:
        super().__init__()
        self._where = where
        self._code = code

    def concerns(self, exchange: Exchange) -> bool:
        """Tell whether one of the records is picked; what cannot be read has none."""
        try:
            return any(self._where(record) for record in exchange.records())
        except Refusal:
            return False

    def act(self, exchange: Exchange, go_on: GoOn) -> Response:  # noqa: ARG002
        """Answer with the code."""
        return exchange.told(Refusal(self._code, "it is rejected on request"))


class LoseReply(Fault):
    """Does its work, and the answer never arrives."""

    def act(self, exchange: Exchange, go_on: GoOn) -> Response:  # noqa: ARG002
        """Go on, and end the connection instead of answering."""
        go_on()
        raise LostError
