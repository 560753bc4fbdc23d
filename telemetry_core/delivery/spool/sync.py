"""Durability by the interval: at most a second, or 256 records, are not yet on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.segment import Appender

if TYPE_CHECKING:
    from telemetry_core.clock import Bell

SYNC_RECORDS = 256
SYNC_SECONDS = 1.0


class CountingAppender(Appender):
    """An appender that rings when so many records wait for the disk."""

    __slots__ = ("due", "unsynced")

    def __init__(self, due: Bell) -> None:
        super().__init__()
        self.due = due
        self.unsynced = 0

    def append(self, line: bytes) -> bool:
        """Write one record, and ask for the disk at every 256th."""
        done = super().append(line)
        self.unsynced += 1
        if self.unsynced >= SYNC_RECORDS:
            self.due.ring()
        return done

    def sync(self) -> None:
        """Wait until the disk has everything written so far. Raises `OSError`."""
        self.unsynced = 0
        super().sync()
