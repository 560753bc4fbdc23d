"""Puts records into this process's own folder, and keeps that folder alive."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.folder import Folder
from telemetry_core.delivery.spool.overflow import Overflow
from telemetry_core.delivery.spool.recovery import begin_anew, pour_back
from telemetry_core.delivery.spool.segment import (
    SEGMENT_BYTES,
    Appender,
    SyncedAppender,
)
from telemetry_core.delivery.spool.sync import CountingAppender
from telemetry_core.errors import SpoolError
from telemetry_core.files import replace_file, sync_directory
from telemetry_core.logs import get_logger
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from telemetry_core.clock import Clock
    from telemetry_core.delivery.spool.owner import Owner

logger = get_logger("telemetry_core.spool")

SPOOL = "spool"
_CRITICAL = Lane.CRITICAL
_RETRY_AFTER = 1.0
_PATIENCE = 1.0


class SpoolWriter:
    """The way in: one `write` a record, the disk's refusals answered from memory."""

    def __init__(
        self,
        base_dir: Path,
        owner: Callable[[], Owner],
        clock: Clock,
        *,
        durability: str = "process",
        preface: Callable[[], Iterable[bytes]] = tuple,
        rolled: Callable[[], None] = lambda: None,
        sync_due: Callable[[], None] = lambda: None,
    ) -> None:
        self.base_dir = base_dir
        self.folder: Folder | None = None
        self.overflow: Overflow | None = None
        self.not_accepted = 0
        self._owner = owner
        self._clock = clock
        self._preface = preface
        self._rolled = rolled
        self._synced = durability != "process"
        self.critical = _appender(durability, sync_due)
        self.standard = _appender(durability, sync_due)
        self._opening = threading.RLock()  # a handler never waits for its own thread
        self._remembering = threading.RLock()  # a handler may interrupt its own thread here
        self._entered = False
        self._retry_at = float("-inf")
        self._refusal: Exception | None = None
        self._warned = False

    def put(self, lane: Lane, line: bytes) -> bool:
        """Append one record; false when neither the disk nor memory had room for it."""
        appender = self.critical if lane is _CRITICAL else self.standard
        if appender.append(line):
            if appender.room < 0:
                self._roll(lane, appender)
            return True
        return self._put_hard(lane, appender, line)

    def tick(self) -> None:
        """Look after the folder: still there, records in memory poured back to the disk."""
        if self.folder is not None and not self.folder.linked():
            begin_anew(self, self.folder)
        if self.overflow is not None:
            pour_back(self)

    def touch(self) -> None:
        """Show those who cannot ask the kernel that this folder's owner lives."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                self.folder.lock.touch()

    def sync(self) -> None:
        """Wait until the disk has what was appended. Raises `OSError`."""
        self.critical.sync()
        self.standard.sync()

    def hand_over(self) -> Folder | None:
        """Stop writing and give up the folder; no thread opens it any more, one may yet write."""
        entered = self.enter()
        if self._synced:
            with contextlib.suppress(OSError):
                self.sync()
        self.shut()
        folder, self.folder = self.folder, None
        if entered:
            self.leave()
        return folder

    def shut(self) -> None:
        """Stop writing into this folder; a later record begins a new one."""
        self.critical.shut()
        self.standard.shut()

    def abandon(self) -> None:
        """Close what a forked child inherited."""
        self.critical.let_go()
        self.standard.let_go()
        if self.folder is not None:
            self.folder.abandon()

    # -- the slow ways

    def _put_hard(self, lane: Lane, appender: Appender, line: bytes) -> bool:
        """Open what is not open, leave a torn segment, or keep the record in memory."""
        before, written = self.overflow, False
        if self._clock.monotonic() >= self._retry_at and self.enter():
            try:
                written = appender.append(line) or (
                    self._open(lane, appender) and appender.append(line)
                )
                if not written:
                    self._retry_at = self._clock.monotonic() + _RETRY_AFTER
            finally:  # `leave`, but for the call: a signal handler may raise at its beginning
                self._entered = False
                self._opening.release()
        if not written:
            return self._put_in_memory(lane, line)
        if before is None and self.overflow is not None:  # of a handler that interrupted us
            pour_back(self)
        return True

    def enter(self) -> bool:
        """Be the one who opens; false for a signal handler that interrupts the opener."""
        return self._entered_by(self._opening.acquire(timeout=_PATIENCE))

    def _entered_by(self, acquired: bool) -> bool:
        """Tell the first to enter from a handler that its own thread was interrupted by."""
        if acquired and not self._entered:
            self._entered = True
            return True
        if acquired:
            self._opening.release()
        return False

    def leave(self) -> None:
        """Let others open."""
        self._entered = False
        self._opening.release()

    def _open(self, lane: Lane, appender: Appender) -> bool:
        try:
            folder = self.open_folder()
            if appender.segment is None or appender.torn:
                self.next_segment(folder, lane, appender)
        except (OSError, SpoolError) as error:
            self._refusal = error
            return False
        self._refusal = None
        return True

    def open_folder(self) -> Folder:
        """Return the folder, which is made if there is none. Raises `OSError`, `SpoolError`."""
        if self.folder is None:
            self.folder = self.new_folder(self._owner())
        return self.folder

    def new_folder(self, owner: Owner) -> Folder:
        """Make a folder, and what it lies in. Raises `OSError`, `SpoolError`."""
        self._make_base_dir()
        return Folder.create(self.base_dir / SPOOL, owner, synced=self._synced)

    def _make_base_dir(self) -> None:
        missing = [path for path in (self.base_dir / SPOOL, self.base_dir) if not path.exists()]
        os.makedirs(self.base_dir, 0o700, exist_ok=True)
        os.makedirs(self.base_dir / SPOOL, 0o700, exist_ok=True)
        if self._synced:
            for path in missing:
                sync_directory(path.parent)
        ignored = self.base_dir / ".gitignore"
        if not ignored.exists():  # not `open`, which an interpreter that shuts down has no more
            replace_file(ignored, b"*\n")

    def _roll(self, lane: Lane, appender: Appender) -> None:
        """Go on in a new segment; whoever finds another one at it writes on in the old."""
        if not self._entered_by(self._opening.acquire(blocking=False)):
            return
        try:
            if appender.room < 0 and self.folder is not None:
                self.next_segment(self.folder, lane, appender)
        except OSError as error:
            appender.room = 1 << 16  # try again a little later
            logger.debug("cannot begin a new segment: %s", error)
        finally:
            self.leave()
        try:
            self._rolled()
        except Exception as error:
            logger.warning("the spool's bounds cannot be kept now: %s", error)

    def next_segment(self, folder: Folder, lane: Lane, appender: Appender) -> None:
        """Go on in a new segment. Raises `OSError`.

        Swap, then write the preface, then show it: no open run can fall between the two.
        """
        segment = folder.new_segment(lane)
        writer = segment.create()
        try:
            if self._synced:
                sync_directory(folder.path)
            appender.move_to(segment, writer)
        except OSError:
            with contextlib.suppress(OSError):
                segment.unlink()
            raise
        try:
            if lane is _CRITICAL and segment.number > 1:
                for line in self._preface():
                    appender.append(line)
                appender.room = SEGMENT_BYTES  # what is repeated must not bring on the next roll
        finally:
            folder.add(segment)

    def take_overflow(self) -> Overflow | None:
        """Give up what is in memory: the disk takes records again."""
        with self._remembering:
            overflow, self.overflow = self.overflow, None
        if overflow is not None:
            self._warned = False
            self._retry_at = float("-inf")
        return overflow

    def _put_in_memory(self, lane: Lane, line: bytes) -> bool:
        with self._remembering:
            fresh = Overflow(self._owner()) if self.overflow is None else None
            if self.overflow is None:  # asked again: a signal handler may have been here
                self.overflow = fresh
            kept = self.overflow is not None and self.overflow.put(lane, line)
        if not kept:
            self.not_accepted += 1
        if not self._warned:
            self._warned = True
            logger.warning(
                "the spool in %s takes no records (%s); they are kept in memory until it does, "
                "and lost if the program ends before; free the disk or set base_dir",
                self.base_dir,
                self._refusal or "a write failed",
            )
        return kept


def _appender(durability: str, sync_due: Callable[[], None]) -> Appender:
    if durability == "always":
        return SyncedAppender()
    return CountingAppender(sync_due) if durability == "interval" else Appender()
