"""The only place that asks the machine for the time, and the only way to wait for some."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

NS_PER_SECOND = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_DAY = 86_400 * NS_PER_SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bell:
    """What one thread waits at and any other rings, also from within a signal handler.

    A bare lock instead of an event or a condition: releasing it is one step of the interpreter,
    so a handler that interrupts `ring` can ring again without a deadlock.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> bool:
        """Wake the one who waits, or the next one who will; false if it rings already."""
        try:
            self._lock.release()
        except (RuntimeError, ValueError):  # gevent's lock says ValueError
            return False
        return True

    def wait(self, timeout: float | None) -> bool:
        """Wait in real time; true when the bell rang, which also silences it."""
        if timeout is None:
            return self._lock.acquire()
        return self._lock.acquire(timeout=min(max(timeout, 0.0), threading.TIMEOUT_MAX))


class Clock(Protocol):
    """Wall time, steady time and waiting; tests move all three together."""

    def time_ns(self) -> int:
        """Return the wall clock in nanoseconds since 1970."""

    def monotonic(self) -> float:
        """Return steady seconds for measuring and for deadlines."""

    def sleep(self, seconds: float, /) -> None:
        """Let time pass."""

    def wait(self, bell: Bell, timeout: float | None) -> bool:
        """Wait until the bell rings or the time is over; true when it rang."""


class SystemClock:
    """The machine's own clock."""

    time_ns = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    @staticmethod
    def wait(bell: Bell, timeout: float | None) -> bool:
        """Wait at the bell in real time."""
        return bell.wait(timeout)


def iso8601(time_ns: int) -> str:
    """Write a time as ISO 8601 in UTC, to the microsecond, with its offset."""
    seconds, rest = divmod(time_ns, NS_PER_SECOND)
    return f"{_to_the_second(seconds)}.{rest // 1000:06d}+00:00"


@lru_cache(maxsize=64)  # records of a batch share their seconds
def _to_the_second(seconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):  # a clock beyond the years 1 to 9999
        moment = datetime.fromtimestamp(0, UTC)
    return moment.isoformat(timespec="seconds")[:19]


def parse_iso8601(text: str) -> int:
    """Read an ISO 8601 time as nanoseconds since 1970; a time without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * NS_PER_SECOND + delta.microseconds * 1000


def get_iso8601_timestamp() -> str:
    """Return the present moment as ISO 8601 in UTC."""
    return iso8601(time.time_ns())


def calculate_duration_ms(start: str, end: str) -> int:
    """Return the milliseconds from one ISO 8601 time to another, never less than zero.

    Raises `ValueError` when either is not an ISO 8601 time.
    """
    return max(0, (parse_iso8601(end) - parse_iso8601(start)) // NS_PER_MS)
