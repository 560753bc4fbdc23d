"""Durability by the interval: at most a second, or 256 records, are not yet on the disk."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.segment import Appender, sync_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.delivery.spool.segment import Segment
    from telemetry_core.files import AppendFile

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
        if not super().append(line):
            return False
        self._unsynced += 1
        if self._unsynced >= SYNC_RECORDS:
            self._due()
        return True

    def move_to(self, segment: Segment, writer: AppendFile) -> None:
        """Go on in a new segment, and keep the old file until the disk has it."""
        old = self._file
        super().move_to(segment, writer)
        if old is not None:
            self._rolled.append(old)

    def sync(self) -> None:
        """Wait until the disk has everything written so far. Raises `OSError`."""
        waiting = self._unsynced
        if waiting == 0 and not self._rolled:
            return
        for file in self._rolled.copy():
            sync_data(file.fileno())
            with suppress(ValueError):  # another thread was quicker
                self._rolled.remove(file)
        super().sync()
        self._unsynced -= waiting
