"""What we say when a caller or a plugin is wrong: once a kind, then counted; or raised in tests."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Protocol, Self

from telemetry_core.errors import TelemetryError, described
from telemetry_core.logs import get_logger

if TYPE_CHECKING:
    from types import TracebackType

logger = get_logger("telemetry_core")
logger.logger.addHandler(logging.NullHandler())  # who wants to read of it adds one that writes

_SAID_ONCE = " (said once; get_stats() counts the rest)"


class Report(Protocol):
    """How the threads of delivery say what is wrong; `Complaints.warn` is one."""

    def __call__(self, kind: str, message: str, *, final: bool = False) -> None:
        """Say it, unless this kind was said before."""


class Complaints:
    """Warns once per kind and counts the rest; all parts of one client share one.

    :param on_error: `log`, `raise` for tests, or `count` for whoever reads the figures himself.
    :ivar counts: how often each kind came up.
    """

    def __init__(self, on_error: str = "log") -> None:
        self.on_error = on_error
        self.counts: Counter[str] = Counter()

    def __call__(self, kind: str, message: str) -> None:
        """Complain of something that was mended or left out."""
        if self.on_error == "raise":
            raise TelemetryError(message)
        self.warn(kind, message)

    def caught(self, where: str, error: BaseException) -> None:
        """Answer an exception that must not reach the program."""
        if self.on_error == "raise":
            raise error
        self.warn(where, f"{where} failed: {described(error)}", error=error)

    def gave_up(self, kind: str, message: str, error: BaseException) -> None:
        """Say what is off from now on because of an exception."""
        if self.on_error == "raise":
            raise error
        self.warn(kind, message, final=True, error=error)

    def warn(
        self, kind: str, message: str, *, final: bool = False, error: BaseException | None = None
    ) -> None:
        """Say it, and never raise: on a thread of ours that would reach nobody.

        :param final: it comes up once at most, so that there is nothing to count.
        """
        self.counts[kind] += 1
        if self.counts[kind] == 1 and self.on_error != "count":
            trace = error if logger.isEnabledFor(logging.DEBUG) else None
            told = " ".join(message.split())  # an error's text may have lines of its own
            logger.warning("%s%s", told, "" if final else _SAID_ONCE, exc_info=trace)

    def guard(self, where: str) -> Guard:
        """Return a block that lets no error reach the program, only what ends the program."""
        return Guard(self, where)


class Guard:
    """A block whose errors are complained of.

    :ivar problem: the error that ended the block, in words; empty without one.
    """

    __slots__ = ("_complaints", "_where", "problem")

    def __init__(self, complaints: Complaints, where: str) -> None:
        self._complaints = complaints
        self._where = where
        self.problem = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.problem = described(error)
        self._complaints.caught(self._where, error)
        return True


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 record`, `2 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
