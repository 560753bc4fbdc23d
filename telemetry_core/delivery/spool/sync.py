"""Durability by the interval: at most a second, or 256 records, are not yet on the disk."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.segment import Appender, sync_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.delivery.spool.segment import AppendFile, Segment

SYNC_RECORDS = 256
SYNC_SECONDS = 1.0


class CountingAppender(Appender):
    """An appender that calls when so many records wait for the disk."""

    __slots__ = ("_due", "_rolled", "_unsynced")

    def __init__(self, due: Callable[[], None]) -> None:
        super().__init__()
        self._due = due
        self._unsynced = 0
        self._rolled: deque[AppendFile] = deque()

    def append(self, line: bytes) -> bool:
        """Write one record, and call for the disk at every 256th."""
        done = super().append(line)
        self._unsynced += 1
        if self._unsynced >= SYNC_RECORDS:
            self._due()
        return done

    def move_to(self, segment: Segment) -> None:
        """Go on in a new segment, and keep the old file until the disk has it."""
        if self._file is not None:
            self._rolled.append(self._file)
        super().move_to(segment)

    def sync(self) -> None:
        """Wait until the disk has everything written so far. Raises `OSError`."""
        if self._unsynced == 0:
            return
        self._unsynced = 0
        while self._rolled:
            sync_data(self._rolled.popleft().fileno())
        super().sync()
