"""The spool as the engine sees it: one way in, an outbox a sink, and the care of the folders."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from telemetry_core.clock import NS_PER_DAY
from telemetry_core.complaints import counted
from telemetry_core.delivery.spool.adoption import Adoption, open_runs
from telemetry_core.delivery.spool.outbox import SpoolOutbox
from telemetry_core.delivery.spool.owner import Owner
from telemetry_core.delivery.spool.room import make_room
from telemetry_core.delivery.spool.waiting import anything_waits
from telemetry_core.delivery.spool.writer import SPOOL, SpoolWriter
from telemetry_core.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from telemetry_core.clock import Clock
    from telemetry_core.delivery.spool.folder import Folder
    from telemetry_core.models import RunRecord

logger = get_logger("telemetry_core.spool")

TOUCH_EVERY = 60.0
PATIENCE = 1.0
MOST_ADOPTED = 16  # at a time: each holds descriptors that the program may want


class Spool:
    """The folders that this process holds, and what the active sinks are owed in them."""

    def __init__(
        self,
        base_dir: Path,
        service: str,
        *,
        clock: Clock,
        durability: str = "process",
        max_bytes: int = 256 * 1024 * 1024,
        max_age_ns: int = 14 * NS_PER_DAY,
        preface: Callable[[], Iterable[bytes]] = tuple,
        on_orphan: Callable[[RunRecord, int], None] = lambda _run, _last_ns: None,
        sync_due: Callable[[], None] = lambda: None,
    ) -> None:
        self.service = service
        self.lost: Counter[str] = Counter()
        self._torn = 0
        self._destinations: dict[str, str | None] = {}
        self._live: set[str] = set()
        self._adopted: tuple[Folder, ...] = ()
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_age_ns = max_age_ns
        self._on_orphan = on_orphan
        self._caring = threading.Lock()
        self._touched = clock.monotonic()
        self.writer = SpoolWriter(
            base_dir,
            self._owner,
            clock,
            durability=durability,
            preface=preface,
            rolled=self._make_room,
            sync_due=sync_due,
        )
        self.put = self.writer.put
        self.outboxes: dict[str, SpoolOutbox] = {}
        self._adoption = Adoption(
            base_dir / SPOOL, service, wanted=self._wants, present=self._owner
        )

    # -- the sinks

    def outbox(self, sink: str, destination: str | None = None) -> SpoolOutbox:
        """Owe a sink everything that is recorded from now on."""
        self._destinations[sink] = destination
        outbox = SpoolOutbox(sink, self.folders, lambda: self._destinations[sink])
        self.outboxes[sink] = outbox
        return outbox

    def sink_is_live(self, sink: str, destination: str | None) -> None:
        """Note that a sink was built, and where it delivers to."""
        self._destinations[sink] = destination
        self._live.add(sink)
        self._adoption.look_again()
        for folder in (self.writer.folder, self.writer.overflow):
            if folder is not None and sink in folder.owner.owed:
                folder.owner.owed[sink] = destination
        if self.writer.folder is not None:
            self.writer.folder.owner.save(self.writer.folder.path)

    def folders(self) -> tuple[Folder, ...]:
        """Return what can be read: our own folder first, what is in memory, the adopted ones."""
        own = (self.writer.folder, self.writer.overflow)
        return tuple(folder for folder in own if folder is not None) + self._adopted

    def dropped(self, sink: str) -> int:
        """Count what was dropped for room before a sink had settled it."""
        return self.lost[sink] + sum(folder.lost[sink] for folder in self.folders())

    @property
    def torn(self) -> int:
        """How many unfinished records of programs that were killed have been passed over."""
        return self._torn + sum(len(folder.torn) for folder in self.folders())

    def _count(self, folder: Folder) -> None:
        """Keep a folder's figures when it is let go."""
        self.lost.update(folder.lost)
        self._torn += len(folder.torn)

    def critical_number(self) -> int:
        """Return the number of the critical segment that is being written."""
        segment = self.writer.critical.segment
        return 0 if segment is None else segment.number

    @property
    def not_accepted(self) -> int:
        """How many records found no room, neither on the disk nor in memory."""
        return self.writer.not_accepted

    def problems(self) -> Iterator[str]:
        """Say which records are in danger, and how many were lost."""
        overflow = self.writer.overflow
        if overflow is not None:
            kept = counted(
                max(map(overflow.unread, tuple(overflow.owner.owed)), default=0), "record"
            )
            yield f"the disk takes no records; {kept} in memory only"
        if self.not_accepted:
            yield f"{counted(self.not_accepted, 'record')} lost: neither disk nor memory had room"

    def _owner(self) -> Owner:
        return Owner(service=self.service, owed=dict(self._destinations))

    def _wants(self, folder: Folder) -> bool:
        """Whether a folder holds something for a sink of ours, or is too old for one of others."""
        live = [
            sink for sink in tuple(self._live) if folder.owner.owes(sink, self._destinations[sink])
        ]
        return bool(live) or self._is_aged(folder)

    # -- the care of the folders, by whichever worker comes first

    def tick(self) -> None:
        """Each second: our folder is still there, memory poured back, the lock touched."""
        if self._caring.acquire(blocking=False):
            try:
                self.writer.tick()
                if self._clock.monotonic() - self._touched >= TOUCH_EVERY:
                    self._touched = self._clock.monotonic()
                    self.writer.touch()
                self._let_go_of_what_is_done()
            finally:
                self._caring.release()

    def adopt(self, patience: float = 0.0) -> bool:
        """Take over what processes that have ended left for our sinks; true when there was some.

        With patience also after another thread that is at it, for sinks it may not know of yet.
        """
        adopted = False
        if self._live and self._caring.acquire(timeout=patience):
            try:
                self._let_go_of_what_is_done()
                held = {folder.path for folder in self.folders()}
                room = MOST_ADOPTED - len(self._adopted)
                for folder in islice(self._adoption.adopt(held), max(0, room)):
                    adopted = True
                    self._take_over(folder)
            finally:
                self._caring.release()
        return adopted

    def _take_over(self, folder: Folder) -> None:
        try:
            self._forget_the_aged(folder)
            self._close_orphans(folder)
        except OSError as error:
            logger.warning("%s cannot be read now: %s", folder.path, error)
            folder.close()
            self._adoption.leave(folder)
        else:
            self._adopted = (*self._adopted, folder)

    def _close_orphans(self, folder: Folder) -> None:
        """End the runs whose program is gone, once for each set of sinks."""
        ours = sorted(self._live.intersection(folder.owner.owed))
        if set(ours) <= set(folder.owner.orphans_closed_for):
            return
        last_ns = folder.changed_ns()
        for run in open_runs(folder):
            self._on_orphan(run, last_ns)
        folder.owner.orphans_closed_for = sorted({*folder.owner.orphans_closed_for, *ours})
        folder.owner.save(folder.path)

    def _forget_the_aged(self, folder: Folder) -> None:
        """Drop and count what has been kept too long for sinks that are not active here."""
        if not self._is_aged(folder):
            return
        for sink in set(folder.owner.owed) - set(self._destinations):
            count = folder.unread(sink)
            if not folder.forget_sink(sink):
                continue
            self.lost[sink] += count
            kept = counted(count, "record")
            logger.warning("%s kept too long for the sink %s and dropped", kept, sink)

    def _is_aged(self, folder: Folder) -> bool:
        newest = folder.changed_ns()
        return bool(newest) and self._clock.time_ns() - newest >= self._max_age_ns

    def _let_go_of_what_is_done(self) -> None:
        for folder in self._adopted:
            takers = [
                o for s, o in self.outboxes.items() if s in self._live and o.takes_from(folder)
            ]
            if all(folder in outbox.done for outbox in takers):
                self._adopted = tuple(held for held in self._adopted if held is not folder)
                self._count(folder)
                self._release(folder, {outbox.sink for outbox in takers})

    def _release(self, folder: Folder, done: set[str]) -> None:
        if done.issuperset(folder.owner.owed) or not _holds_something(folder):
            folder.remove()
        else:
            folder.close()
            self._adoption.leave(folder)

    def _make_room(self) -> None:
        own = self.writer.folder
        held = (*self._adopted, own) if own is not None else self._adopted
        make_room(self.writer.base_dir / SPOOL, held, self._max_bytes)

    def sync(self) -> None:
        """Wait until the disk has what was appended. Raises `OSError`."""
        self.writer.sync()

    # -- the end

    def close(self) -> None:
        """Let everything go; folders in which nothing is pending are removed."""
        self.writer.tick()
        own = self.writer.hand_over()
        alone = self._caring.acquire(timeout=PATIENCE)  # not for ever: a handler may close
        try:
            self._let_go_of_what_is_done()
            self._count_what_memory_loses()
            held, self._adopted = self._adopted, ()
            for folder in held if own is None else (own, *held):
                self._count(folder)
                _leave_or_remove(folder)
        finally:
            if alone:
                self._caring.release()

    def _count_what_memory_loses(self) -> None:
        overflow, self.writer.overflow = self.writer.overflow, None
        left = max(map(overflow.unread, overflow.owner.owed), default=0) if overflow else 0
        if left:
            self.writer.not_accepted += left
            logger.error("%s lost: never taken by the disk", counted(left, "record"))

    def abandon(self) -> None:
        """Close what a forked child inherited: close, never unlock, never save."""
        self.writer.abandon()
        for folder in self._adopted:
            folder.abandon()


def _holds_something(folder: Folder) -> bool:
    """Say whether any sink has yet to settle anything here."""
    return any(anything_waits(folder, sink) for sink in folder.owner.owed)


def _leave_or_remove(folder: Folder) -> None:
    """Let a folder go; it is removed when nothing waits in it and nobody can write to it."""
    try:
        empty = folder.sealed and not _holds_something(folder)
    except OSError:
        empty = False
    if empty:
        folder.remove()
    else:
        folder.close()
