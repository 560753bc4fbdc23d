"""Makes every id: of events, of runs, and those derived from another id."""

from __future__ import annotations

import itertools
import os
import re
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

_UNFIT_FOR_A_RUN_ID = re.compile(r"[\s/\\\x00-\x1f\x7f\ud800-\udfff]+")
_LONGEST_AGENT = 200
_SUFFIXES_AT_ONCE = 64
_NAMESPACE = "6f1c2c1e-5d0b-5c0f-9a37-7d3f1b6f0a11"


class IdSource(Protocol):
    """Where a client's ids come from; tests count instead."""

    def event_id(self, time_ns: int) -> str:
        """Return a new id, a UUID in text."""

    def run_id(self, agent_name: str, time_ns: int) -> str:
        """Return a new run id, `YYYYMMDDTHHMMSSZ-<agent>-<8 hex>`."""

    def reseed(self) -> None:
        """Draw new randomness; called in each forked child."""


class RandomIds:
    """UUIDs of version 7 that sort by time: a time head, a counter and 48 random bits a process.

    The head is cached for its millisecond and never goes back, whatever the clock does; the
    counter alone makes ids of one process differ, the random bits those of different processes.
    What ends run ids is drawn for many at once: to ask the system each time costs a microsecond.
    """

    __slots__ = ("_counter", "_head", "_pid", "_suffixes", "_tail")

    def __init__(self) -> None:
        self._counter = itertools.count()
        # The millisecond and the block of 2^14 counts that a text is for: one tuple, so that no
        # thread sees parts of two. The text stays for a clock before 1970.
        self._head = (-1, 0, "00000000-0000-7000-")
        self._tail = ""
        self._suffixes: deque[str] = deque()
        self._pid = 0
        self.reseed()

    def reseed(self) -> None:
        """Draw the 48 random bits anew, and forget what was drawn for run ids."""
        self._tail = f"-{os.urandom(6).hex()}"
        self._suffixes, self._pid = deque(), os.getpid()

    def event_id(self, time_ns: int) -> str:
        """Return a new UUID whose head is the given time, or the latest one seen."""
        ms, count = time_ns // 1_000_000, next(self._counter)
        head_ms, block, head = self._head
        if ms > head_ms or count >> 14 != block:
            head = self._new_head(max(ms, head_ms), count >> 14)
        return f"{head}{0x8000 | count & 0x3FFF:x}{self._tail}"

    def _new_head(self, ms: int, block: int) -> str:
        text = f"{max(ms, 0) & 0xFFFFFFFFFFFF:012x}"
        head = f"{text[:8]}-{text[8:]}-7{block & 0xFFF:03x}-"
        self._head = (ms, block, head)
        return head

    def run_id(self, agent_name: str, time_ns: int) -> str:
        """Return `YYYYMMDDTHHMMSSZ-<agent>-<8 hex>`, the agent cut to what a path can hold."""
        return format_run_id(agent_name, time_ns, self._suffix())

    def _suffix(self) -> str:
        if self._pid != os.getpid():  # of a client that is off nobody tells a forked child
            self.reseed()
        try:
            return self._suffixes.popleft()
        except IndexError:
            drawn = os.urandom(4 * _SUFFIXES_AT_ONCE).hex()
            self._suffixes.extend(drawn[at : at + 8] for at in range(8, len(drawn), 8))
            return drawn[:8]


def format_run_id(agent_name: str, time_ns: int, suffix: str) -> str:
    """Put a run id together from its three parts."""
    agent = _UNFIT_FOR_A_RUN_ID.sub("-", agent_name)[:_LONGEST_AGENT] or "agent"
    return f"{_stamp(time_ns // 1_000_000_000)}-{agent}-{suffix}"


@lru_cache(maxsize=64)  # runs that start together share their second
def _stamp(seconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):  # a clock beyond the years 1 to 9999
        moment = datetime.fromtimestamp(0, UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}"


def random_suffix() -> str:
    """Return the 8 hex digits that end a run id."""
    return os.urandom(4).hex()


def random_id() -> str:
    """Return a random UUID, for records made outside any client."""
    from uuid import uuid4

    return str(uuid4())


def random_fraction() -> float:
    """Return a number from 0 to below 1, without touching the program's own random numbers."""
    return int.from_bytes(os.urandom(6)) / 2**48


def derived_id(origin: str, purpose: str) -> str:
    """Return the one id that belongs to an origin and a purpose, the same in every process."""
    from uuid import UUID, uuid5

    name = f"{purpose}:{origin}".encode("utf-8", "backslashreplace").decode()
    return str(uuid5(UUID(_NAMESPACE), name))
