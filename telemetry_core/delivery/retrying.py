"""Puts dead letters back on their way: into a folder of the spool that owes them to one sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from telemetry_core.delivery.dead_letters import PAGE_LETTERS
from telemetry_core.delivery.spool.fresh import FreshFolder
from telemetry_core.delivery.spool.owner import Owner
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from telemetry_core.delivery.dead_letters import DeadLetters, KeptLetter, Selection

ROUND_LETTERS = 10_000
ROUND_BYTES = 32 << 20


@define
class Retry:
    """The letters of one sink going back to delivery, so many at a time that the spool stays small.

    :ivar destination: of the sink as it is configured now; nobody else is owed them.
    :ivar moved: how many letters are on their way so far; `folders`: where they were put.
    """

    letters: DeadLetters
    which: Selection
    sink: str
    spool: Path
    service: str
    destination: str | None
    moved: int = 0
    folders: list[Path] = field(factory=list)
    _after: tuple[str, str] = ("", "")

    def move(self, limit: int) -> int:
        """Move the next round of letters and return how many; each is never looked at twice.

        They are on the disk of the spool before they are deleted here: a program that is killed in
        between leaves them in both places, under one id. Raises `SpoolError`.
        """
        fresh = FreshFolder(self.spool, self._owner())
        before, size = self.moved, 0
        room = min(limit, ROUND_LETTERS)
        try:
            while (left := room - (self.moved - before)) > 0 and size < ROUND_BYTES:
                page = self._take(fresh, min(left, PAGE_LETTERS))
                if not page:
                    break
                size += sum(len(letter.line) for letter in page)
        finally:
            fresh.close()
            if fresh.folder is not None:
                self.folders.append(fresh.folder.path)
        return self.moved - before

    def _take(self, fresh: FreshFolder, limit: int) -> Sequence[KeptLetter]:
        def keep(page: Sequence[KeptLetter]) -> None:
            for letter in page:
                fresh.put(Lane(letter.lane), letter.line)
            fresh.sync()

        page = self.letters.take(self.which, keep, after=self._after, limit=limit)
        if page:
            self._after = page[-1].sink, page[-1].record_id
            self.moved += len(page)
        return page

    def _owner(self) -> Owner:
        """Owe the letters to this sink alone, to which no run among them is open or ended by us."""
        return Owner(self.service, {self.sink: self.destination}, orphans_closed_for=[self.sink])
