"""One sink's view of everything it is owed: over all lanes and all folders of this process."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.reader import LaneReader
from telemetry_core.logs import get_logger
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from telemetry_core.delivery.spool.folder import Folder
    from telemetry_core.records import Record


logger = get_logger("telemetry_core.spool")


class SpoolOutbox:
    """Takes records for one sink and moves its cursors; used by the sink's worker alone."""

    def __init__(
        self,
        sink: str,
        folders: Callable[[], tuple[Folder, ...]],
        destination: Callable[[], str | None],
    ) -> None:
        self.sink = sink
        self.done: frozenset[Folder] = frozenset()
        self._folders = folders
        self._destination = destination
        self._readers: dict[tuple[Folder, Lane], LaneReader] = {}
        self._where: dict[str, tuple[LaneReader, ...]] = {}
        self._unreadable: set[Folder] = set()

    def takes_from(self, folder: Folder) -> bool:
        """Whether this sink is owed what the folder holds."""
        return folder.owner.owes(self.sink, self._destination())

    def take(self, limit: int, max_bytes: int) -> list[Record]:
        """Return up to so many records, critical ones of all folders first.

        Reads on from where the last call ended, whether or not that was settled. One record comes
        even when it is larger than `max_bytes`.
        """
        records: list[Record] = []
        room = max_bytes
        folders = [folder for folder in self._folders() if self.takes_from(folder)]
        for lane in Lane:
            for source, folder in enumerate(folders):
                for record in self._readable(folder, lane):
                    if records and (record.size > room or len(records) >= limit):
                        self._where.pop(record.id)[0].put_back(record)
                        return records
                    room -= record.size
                    record.source, record.adopted = source, folder.adopted
                    records.append(record)
        self._note_done(folders)
        return records

    def _readable(self, folder: Folder, lane: Lane) -> Iterator[Record]:
        """Give what is not under way already; a folder that cannot be read now is passed over."""
        try:
            reader = self._reader(folder, lane)
            here = (reader,)
            while (record := reader.next()) is not None:
                known = self._where.get(record.id, here)
                if known == here:
                    self._where[record.id] = here
                    yield record
                else:  # it was in memory and is on the disk now: to be settled in both
                    self._where[record.id] = (*known, reader)
        except OSError as error:
            if folder not in self._unreadable:
                logger.warning("%s cannot be read for %s now: %s", folder.path, self.sink, error)
            self._unreadable.add(folder)

    def settle(self, ids: Iterable[str]) -> None:
        """Mark records as done, move the cursors and save them; delete what all are past."""
        by_reader: dict[LaneReader, set[str]] = {}
        for record_id in ids:
            for reader in self._where.pop(record_id, ()):
                by_reader.setdefault(reader, set()).add(record_id)
        for reader, settled in by_reader.items():
            reader.settle(settled)
        for folder in {reader.folder for reader in by_reader}:
            folder.cursor(self.sink).save()
            try:
                folder.release_segments()
            except OSError as error:  # another sink's cursor cannot be read now
                logger.debug("the segments of %s stay for now: %s", folder.path, error)

    def pending(self, at_most: int = sys.maxsize, *, lanes: Collection[Lane] = tuple(Lane)) -> int:
        """Count what this sink has yet to settle, so many at most, as far as it can be read."""
        count = 0
        for folder in self._folders():
            with contextlib.suppress(OSError):
                left = at_most - count
                if self.takes_from(folder):
                    count += folder.unread(self.sink, left, lanes=lanes)
        return count

    def _reader(self, folder: Folder, lane: Lane) -> LaneReader:
        reader = self._readers.get((folder, lane))
        if reader is None:
            reader = LaneReader(folder, lane, self.sink)
            self._readers[folder, lane] = reader
        return reader

    def _note_done(self, folders: list[Folder]) -> None:
        self.done = frozenset(folder for folder in folders if self._at_end(folder))
        gone = {folder for folder, _lane in self._readers}.difference(folders)
        for folder in gone:
            self._unreadable.discard(folder)
            for lane in Lane:
                self._readers.pop((folder, lane), None)

    def _at_end(self, folder: Folder) -> bool:
        try:
            return all(self._reader(folder, lane).at_end() for lane in Lane)
        except OSError:
            return False
