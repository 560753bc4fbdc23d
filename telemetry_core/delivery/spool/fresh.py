"""A folder filled with records that come from elsewhere, on the disk before they leave there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.folder import Folder
from telemetry_core.delivery.spool.segment import Appender
from telemetry_core.errors import SpoolError
from telemetry_core.files import sync_directory
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry_core.delivery.spool.owner import Owner


class FreshFolder:
    """A folder of our own, begun with its first record; let go, it is everybody's to adopt."""

    def __init__(self, spool: Path, owner: Owner) -> None:
        self.folder: Folder | None = None
        self._spool = spool
        self._owner = owner
        self._ends = {lane: Appender() for lane in Lane}

    def put(self, lane: Lane, line: bytes) -> None:
        """Append one record. Raises `OSError` or `SpoolError` when the disk does not take it."""
        end = self._ends[lane]
        if end.segment is None or end.room < 0:
            self._roll(lane, end)
        if not end.append(line):
            raise SpoolError(f"the spool in {self._spool} takes no records; free the disk")

    def sync(self) -> None:
        """Wait until the disk has what was appended. Raises `OSError`."""
        for end in self._ends.values():
            end.sync()

    def close(self) -> None:
        """Let the folder go, for whoever delivers next."""
        for end in self._ends.values():
            end.shut()
        if self.folder is not None:
            self.folder.close()

    def _roll(self, lane: Lane, end: Appender) -> None:
        folder = self._opened()
        end.sync()
        segment = folder.new_segment(lane)
        writer = segment.create()
        sync_directory(folder.path)
        end.move_to(segment, writer)
        folder.add(segment)

    def _opened(self) -> Folder:
        if self.folder is None:
            os.makedirs(self._spool, 0o700, exist_ok=True)
            self.folder = Folder.create(self._spool, self._owner, synced=True)
        return self.folder
