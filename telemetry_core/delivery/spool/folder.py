"""One spool folder: its lock, its owner, its segments and the cursors of the sinks it owes."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
from collections import Counter
from typing import TYPE_CHECKING, Self

from attrs import evolve

from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool.cursor import CURSOR_SUFFIX, Cursor, Position
from telemetry_core.delivery.spool.segment import Segment, parse_segment_name, segment_name
from telemetry_core.errors import SpoolError
from telemetry_core.files import sync_directory
from telemetry_core.logs import get_logger
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from telemetry_core.delivery.spool.owner import Owner

logger = get_logger("telemetry_core.spool")

LOCK_SUFFIX = ".lock"
MOST_OPEN = 32  # segments a lane whose descriptors are kept, so that removal costs nothing
CURSORS = "cursors"
_TRIES_FOR_A_FREE_NAME = 16
_FOLDER_NAME = re.compile(r"[0-9a-f]{8}")
_OUR_FILES = ("owner.json", "probe")


def is_folder_name(name: str) -> bool:
    """Tell whether a folder of the spool may have this name; what has another is not ours."""
    return _FOLDER_NAME.fullmatch(name) is not None


def is_ours(name: str) -> bool:
    """Tell whether a file of a spool folder, or what is left of writing one, has this name."""
    whole = name.partition(".tmp")[0]
    return whole.startswith(_OUR_FILES) or parse_segment_name(whole) is not None


def lock_path(folder: Path) -> Path:
    """Return where a folder's lock lies: beside it."""
    return folder.with_name(folder.name + LOCK_SUFFIX)


class Folder:
    """A folder whose lock this process holds, its own or one that it adopted."""

    def __init__(self, path: Path, lock: OwnerLock, owner: Owner) -> None:
        self.path = path
        self.lock = lock
        self.owner = owner
        self.adopted = False
        self.segments: dict[Lane, dict[int, Segment]] = {lane: {} for lane in Lane}
        self.dropped: set[tuple[Lane, int]] = set()
        self.lost: Counter[str] = Counter()
        self.torn: set[tuple[Lane, int]] = set()
        self.damage_seen: dict[tuple[Lane, int], int] = {}
        self._last = dict.fromkeys(Lane, 0)
        self._cursors: dict[str, Cursor] = {}

    @classmethod
    def create(cls, spool: Path, owner: Owner, *, synced: bool) -> Self:
        """Make a new folder under a free name, its lock first. Raises `OSError`."""
        for _ in range(_TRIES_FOR_A_FREE_NAME):
            path = spool / secrets.token_hex(4)
            lock = OwnerLock(lock_path(path))
            if not path.exists() and _acquire_new(lock):
                folder = cls(path, lock, evolve(owner, synced=synced))
                try:
                    folder._furnish()
                except OSError:
                    folder.remove()
                    raise
                return folder
        raise SpoolError(f"no free folder name under {spool}; look at what lies there")

    def _furnish(self) -> None:
        os.mkdir(self.path, 0o700)
        os.mkdir(self.path / CURSORS, 0o700)
        if not self.owner.save(self.path):
            raise OSError(f"{self.path} does not take files")
        if self.owner.synced:
            sync_directory(self.path)
            sync_directory(self.path.parent)

    @classmethod
    def open(cls, path: Path, lock: OwnerLock, owner: Owner) -> Self:
        """Open a folder that somebody else filled. Raises `OSError`."""
        folder = cls(path, lock, owner)
        folder.adopted = True
        for name in sorted(os.listdir(path)):
            parsed = parse_segment_name(name)
            if parsed is not None and os.path.isfile(path / name):
                lane, number = parsed
                folder.segments[lane][number] = Segment(path / name, lane, number)
        return folder

    # -- segments

    def new_segment(self, lane: Lane) -> Segment:
        """Return the lane's next segment, not yet created; no number comes twice."""
        number = self._last[lane] = max((self._last[lane], *self.segments[lane])) + 1
        return Segment(self.path / segment_name(lane, number), lane, number)

    def add(self, segment: Segment) -> None:
        """Let readers see a segment."""
        segments = self.segments[segment.lane]
        segments[segment.number] = segment
        if len(segments) > MOST_OPEN:
            old = segments.get(segment.number - MOST_OPEN)
            if old is not None and old.sealed:
                old.close()

    def segment_from(self, lane: Lane, number: int) -> Segment | None:
        """Return the first segment that is there with this number or a higher one."""
        segments = self.segments[lane]
        if number in segments:
            return segments[number]
        later = [n for n in tuple(segments) if n > number]
        return segments.get(min(later)) if later else None

    def all_segments(self) -> Iterator[Segment]:
        """Go over the segments that are there now."""
        for lane in Lane:
            for number in sorted(self.segments[lane]):
                if (segment := self.segments[lane].get(number)) is not None:
                    yield segment

    def changed_ns(self) -> int:
        """Return when something was last written to it, by the file system's clock."""
        return max((segment.changed_ns() for segment in self.all_segments()), default=0)

    # -- what the sinks are owed

    def cursor(self, sink: str) -> Cursor:
        """Return the one cursor of a sink in this folder."""
        cursor = self._cursors.get(sink)
        if cursor is None:  # whoever loads it second gets what the first one keeps
            loaded = Cursor.load(self.path / CURSORS / f"{sink}{CURSOR_SUFFIX}")
            cursor = self._cursors.setdefault(sink, loaded)
        return cursor

    def save_cursors(self) -> None:
        """Have the files know where each sink stands."""
        for cursor in tuple(self._cursors.values()):
            cursor.save()

    def let_go_of_cursors(self) -> None:
        """Have each cursor saved to a new file next time, and close the present ones."""
        for cursor in tuple(self._cursors.values()):
            cursor.let_go()

    def release_segments(self) -> None:
        """Delete the segments that every owed sink is past; never the last of a growing lane."""
        for lane in Lane:
            past = min(
                (self.cursor(sink).positions[lane].segment for sink in tuple(self.owner.owed)),
                default=0,
            )
            newest = max(tuple(self.segments[lane]), default=0)
            for segment in self.all_segments():
                if segment.lane is lane and segment.number < min(past, newest):
                    self.unlink(segment)

    def unlink(self, segment: Segment) -> None:
        """Delete one segment."""
        try:
            segment.unlink()
        except OSError as error:
            logger.debug("cannot delete %s: %s", segment.path, error)
            return
        self.segments[segment.lane].pop(segment.number, None)

    def unread(self, sink: str, at_most: int = sys.maxsize, *, lanes: Iterable[Lane] = Lane) -> int:
        """Count the records a sink has yet to settle here, whole lines only, so many at most."""
        cursor = self.cursor(sink)
        count = 0
        for lane in lanes:
            count += self._unread_in(lane, cursor, at_most - count)
        return count

    def _unread_in(self, lane: Lane, cursor: Cursor, at_most: int) -> int:
        position = cursor.positions[lane]
        count = -len(cursor.settled[lane])
        for segment in self.all_segments():
            if count >= at_most:
                break
            if segment.lane is lane and segment.number >= position.segment:
                count += segment.count_records(_begin(segment, position))
        return max(0, min(count, at_most))

    def drop_oldest(self, lane: Lane, keep: int) -> int:
        """Delete a lane's oldest segment for room and count who lost what; return the bytes.

        The newest `keep` segments stay.
        """
        segments = [segment for segment in self.all_segments() if segment.lane is lane]
        if len(segments) <= keep:
            return 0
        segment = segments[0]
        size = segment.size()
        for sink in tuple(self.owner.owed):
            self.lost[sink] += self._unread_of(segment, self.cursor(sink))
        self.dropped.add((lane, segment.number))
        self.unlink(segment)
        return size

    def _unread_of(self, segment: Segment, cursor: Cursor) -> int:
        position = cursor.positions[segment.lane]
        if segment.number < position.segment:
            return 0
        lines = segment.count_records(_begin(segment, position))
        settled_beyond = len(cursor.settled[segment.lane])
        return max(0, lines - settled_beyond) if segment.number == position.segment else lines

    def forget_sink(self, sink: str) -> bool:
        """Owe a sink nothing more; false when the disk does not take that: then all stays."""
        destination = self.owner.owed.pop(sink)
        if not self.owner.save(self.path):
            self.owner.owed[sink] = destination
            return False
        self.cursor(sink).forget()
        self._cursors.pop(sink, None)
        return True

    # -- the end

    @property
    def sealed(self) -> bool:
        """Whether no thread can append to it any more."""
        return all(segment.sealed for segment in self.all_segments())

    def linked(self) -> bool:
        """Whether the folder, its lock, its segments and cursors are still where they were."""
        return (
            self.lock.held
            and self.path.is_dir()
            and self.lock.path.exists()
            and all(segment.linked() for segment in self.all_segments())
            and all(cursor.linked() for cursor in tuple(self._cursors.values()))
        )

    def close(self) -> None:
        """Let go of everything but the files."""
        for segment in self.all_segments():
            segment.close()
        self.let_go_of_cursors()
        self.lock.release()

    def remove(self) -> None:
        """Delete the segments, then the rest, so that no cursor goes before its records.

        The last act is to delete the lock.
        """
        for segment in self.all_segments():
            self.unlink(segment)
        self.let_go_of_cursors()
        self._remove_the_rest()
        with contextlib.suppress(OSError):
            self.lock.remove()

    def _remove_the_rest(self) -> None:
        """Delete what is ours; a file that somebody else put here keeps the folder."""
        for directory in (self.path / CURSORS, self.path):
            with contextlib.suppress(OSError):
                for name in os.listdir(directory):
                    if directory != self.path or is_ours(name):
                        with contextlib.suppress(OSError):
                            os.unlink(directory / name)
                os.rmdir(directory)

    def abandon(self) -> None:
        """Close what a forked child inherited; the folder stays the parent's."""
        for segment in self.all_segments():
            segment.abandon()
        self.let_go_of_cursors()
        self.lock.abandon()


def _acquire_new(lock: OwnerLock) -> bool:
    try:
        return lock.acquire()
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(lock.path)
        raise


def _begin(segment: Segment, position: Position) -> int:
    return position.offset if position.segment == segment.number else 0
