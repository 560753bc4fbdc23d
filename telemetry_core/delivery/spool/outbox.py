"""One sink's view of everything it is owed: over all lanes and all folders of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.reader import LaneReader
from telemetry_core.models import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry_core.delivery.spool.folder import Folder
    from telemetry_core.models import Record


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
        self._where: dict[str, LaneReader] = {}

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
                reader = self._reader(folder, lane)
                while len(records) < limit and (record := reader.next()) is not None:
                    if records and record.size > room:
                        reader.put_back(record)
                        return records
                    room -= record.size
                    record.source = source
                    self._where[record.id] = reader
                    records.append(record)
        self._note_done(folders)
        return records

    def settle(self, ids: Iterable[str]) -> None:
        """Mark records as done, move the cursors and save them; delete what all are past."""
        by_reader: dict[LaneReader, set[str]] = {}
        for record_id in ids:
            reader = self._where.pop(record_id, None)
            if reader is not None:
                by_reader.setdefault(reader, set()).add(record_id)
        for reader, settled in by_reader.items():
            reader.settle(settled)
        for folder in {reader.folder for reader in by_reader}:
            folder.cursor(self.sink).save()
            folder.release_segments()

    def pending(self) -> int:
        """Count what this sink has yet to settle."""
        return sum(
            folder.unread(self.sink) for folder in self._folders() if self.takes_from(folder)
        )

    def _reader(self, folder: Folder, lane: Lane) -> LaneReader:
        reader = self._readers.get((folder, lane))
        if reader is None:
            reader = LaneReader(folder, lane, self.sink)
            self._readers[folder, lane] = reader
        return reader

    def _note_done(self, folders: list[Folder]) -> None:
        self.done = frozenset(
            folder
            for folder in folders
            if all(self._reader(folder, lane).at_end() for lane in Lane)
        )
        gone = {folder for folder, _lane in self._readers}.difference(folders)
        for folder in gone:
            for lane in Lane:
                self._readers.pop((folder, lane), None)
