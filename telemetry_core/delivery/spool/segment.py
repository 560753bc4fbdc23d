"""One append-only file of a lane: its writer, and reading it through an open descriptor."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import TYPE_CHECKING

from telemetry_core.codec import REPEAT_ENDING
from telemetry_core.delivery.spool.frame import frame
from telemetry_core.files import AppendFile
from telemetry_core.logs import get_logger
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = get_logger("telemetry_core.spool")

SEGMENT_BYTES = 4 * 1024 * 1024
SUFFIX = ".seg"
_END_OF_REPEAT = REPEAT_ENDING + b"\n"


def segment_name(lane: Lane, number: int) -> str:
    """Return the file name of a lane's n-th segment."""
    return f"{lane.value}-{number:06d}{SUFFIX}"


def parse_segment_name(name: str) -> tuple[Lane, int] | None:
    """Return lane and number of a segment's file name, or nothing for another file."""
    lane, dash, number = name.removesuffix(SUFFIX).partition("-")
    if not name.endswith(SUFFIX) or not dash or not number.isdigit():
        return None
    return (Lane(lane), int(number)) if lane in tuple(Lane) else None


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)


class Segment:
    """One file of a lane, readable as long as this object lives, even when it was unlinked."""

    __slots__ = ("_descriptor", "_guard", "_writer", "lane", "number", "path")

    def __init__(self, path: Path, lane: Lane, number: int) -> None:
        self.path = path
        self.lane = lane
        self.number = number
        self._descriptor = -1
        self._guard = threading.RLock()  # a signal handler may look while its thread reads
        self._writer: weakref.ref[AppendFile] | None = None

    def create(self) -> AppendFile:
        """Create the file and return its writer. Raises `OSError`."""
        writer = AppendFile(os.fspath(self.path), "a+b", opener=_opener)
        self._writer = weakref.ref(writer)
        return writer

    def retire(self, writer: AppendFile) -> None:
        """Keep a reading descriptor of its own, since the writer closes with its last user.

        Takes no lock: a signal handler may come here while its own thread reads.
        """
        if self._descriptor < 0:
            self._descriptor = os.dup(writer.fileno())

    @property
    def ours(self) -> bool:
        """Whether this process began it, and keeps it open against its removal."""
        return self._writer is not None

    @property
    def sealed(self) -> bool:
        """Whether no thread can append to it any more."""
        return self._writer is None or self._writer() is None

    def read(self, offset: int, size: int, *, keep: bool = True) -> bytes:
        """Return up to so many bytes from an offset; nothing at the end or when it is gone.

        Without `keep`, a descriptor that had to be opened for it is closed again.
        """
        with self._guard, self._open_for_reading(keep=keep) as descriptor:
            if descriptor < 0:
                return b""
            if hasattr(os, "pread"):
                return os.pread(descriptor, size, offset)
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, size)

    @contextlib.contextmanager
    def _open_for_reading(self, *, keep: bool = False) -> Iterator[int]:
        """Give a descriptor, of the writer as long as there is one; -1 when the file is gone."""
        writer = self._writer() if self._writer is not None else None
        if self._descriptor >= 0:
            yield self._descriptor
        elif writer is not None and not writer.closed:
            yield writer.fileno()  # `writer` keeps the file open while it is read
        else:
            with contextlib.suppress(FileNotFoundError):
                self._descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            try:
                yield self._descriptor
            finally:
                if not keep:
                    self.close()

    def size(self) -> int:
        """Return its length in bytes; nothing when it is gone."""
        with self._guard, self._open_for_reading() as descriptor:
            return os.fstat(descriptor).st_size if descriptor >= 0 else 0

    def count_records(self, offset: int) -> int:
        """Count the whole lines beyond an offset, but for repetitions."""
        lines, before = 0, b""
        while chunk := self.read(offset, 1 << 20, keep=False):
            lines += chunk.count(b"\n") - (before + chunk).count(_END_OF_REPEAT)
            before = chunk[1 - len(_END_OF_REPEAT) :]  # one may stand across two chunks
            offset += len(chunk)
        return lines

    def changed_ns(self) -> int:
        """Return when it was last written to, by the file system's clock."""
        with self._guard, self._open_for_reading() as descriptor:
            return os.fstat(descriptor).st_mtime_ns if descriptor >= 0 else 0

    def linked(self) -> bool:
        """Whether the file still has a name."""
        if self._descriptor < 0 and self.sealed:
            return self.path.exists()
        with self._guard, self._open_for_reading() as descriptor:
            return descriptor >= 0 and os.fstat(descriptor).st_nlink > 0

    def copy_to(self, path: Path) -> None:
        """Write its bytes to another file and go on from there. Raises `OSError`."""
        beside = f"{path}.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        descriptor = _opener(beside, os.O_RDWR | os.O_CREAT)
        try:
            offset = 0
            while chunk := self.read(offset, SEGMENT_BYTES):
                offset += os.write(descriptor, chunk)
            os.replace(beside, path)
        except OSError:
            os.close(descriptor)
            raise
        with self._guard:
            old, self._descriptor = self._descriptor, descriptor
            self.path = path
        if old >= 0:
            os.close(old)

    def close(self) -> None:
        """Let go of the reading descriptor."""
        with self._guard:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)

    def unlink(self) -> None:
        """Delete the file and let go of it. Raises `OSError` other than for a missing file."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.close()

    def abandon(self) -> None:
        """Close what a forked child inherited, without a lock that a lost thread may hold."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        writer = self._writer() if self._writer is not None else None
        if writer is not None:
            writer.close()


class Appender:
    """The end of a lane at which records are written, by any thread and without a lock.

    A record is one `write` to a file opened for appending: the kernel orders the writers. A roll
    swaps the bound method; a thread that still holds the old one keeps the old file open.
    """

    __slots__ = ("_file", "room", "segment", "torn", "write")

    def __init__(self) -> None:
        self._file: AppendFile | None = None
        self.segment: Segment | None = None
        self.room = 0
        self.torn = False
        self.write = _not_open

    def append(self, line: bytes) -> bool:
        """Write one record; false when it did not get into the file as a whole."""
        data = frame(line)
        try:
            written = self.write(data)
        except (OSError, ValueError):  # the disk refuses; or nothing is open here
            return False
        size = len(data)
        self.room -= size  # an estimate: two threads may count as one
        if written != size:
            self.torn = True
            return False
        return True

    def move_to(self, segment: Segment, writer: AppendFile) -> None:
        """Go on in a new segment. Raises `OSError` and stays where it was when that fails."""
        if self.segment is not None and self._file is not None:
            self.segment.retire(self._file)
        self._file = writer
        self.segment = segment
        self.room = SEGMENT_BYTES
        self.torn = False
        self.write = writer.write  # type: ignore[assignment]

    def sync(self) -> None:
        """Wait until the disk has everything written so far. Raises `OSError`."""
        file = self._file
        if file is not None and not file.closed:
            sync_data(file.fileno())

    def shut(self) -> None:
        """Stop writing; the segment stays readable."""
        if self.segment is not None and self._file is not None:
            self.segment.retire(self._file)
        self.let_go()

    def let_go(self) -> None:
        """Stop writing without a descriptor for reading on, which might not be had."""
        self.write = _not_open
        self._file = None
        self.segment = None


class SyncedAppender(Appender):
    """An appender whose records are on the disk before the call returns.

    It writes to the file that it syncs, and so by itself: another thread may roll between the two.
    """

    __slots__ = ("_complained",)

    def __init__(self) -> None:
        super().__init__()
        self._complained = False

    def append(self, line: bytes) -> bool:
        """Write one record and wait until the disk has it."""
        file = self._file
        if file is None:
            return False
        data = frame(line)
        try:
            written = file.write(data)
        except (OSError, ValueError):
            return False
        self.room -= len(data)
        if written != len(data):
            self.torn = True
            return False
        try:
            sync_data(file.fileno())
        except (OSError, ValueError) as error:  # it is written: once more would be twice
            if not self._complained:
                logger.error("the disk does not confirm what the spool wrote: %s", error)  # noqa: TRY400
            self._complained = True
        return True


def _not_open(_data: bytes) -> int:
    raise ValueError("no segment is open")


def sync_data(descriptor: int) -> None:
    """Have the disk take a file's bytes. Raises `OSError`."""
    getattr(os, "fdatasync", os.fsync)(descriptor)
