"""How far one sink has come in one folder: a position a lane, and what is settled beyond it."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple, Self

from attrs import define, field
from msgspec.json import decode, encode

from telemetry_core.delivery.spool.frame import frame, unframe
from telemetry_core.files import DAMAGED, NONSENSE, AppendFile, give_up_file, replace_file
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
CURSOR_SUFFIX = ".log"
MOST_BYTES = 64 * 1024  # of a file that is appended to; then it begins anew with one line


class Position(NamedTuple):
    """A place in a lane: the number of a segment and an offset in it."""

    segment: int = 0
    offset: int = 0


@define
class Cursor:
    """One sink's positions in one folder, kept in `cursors/<sink>.log`.

    Each save appends a line, framed like a record; the last whole one counts. To replace the file
    each time instead would cost a hundred times as much.
    """

    path: Path
    positions: dict[Lane, Position] = field(factory=lambda: dict.fromkeys(Lane, Position()))
    settled: dict[Lane, set[str]] = field(factory=lambda: {lane: set() for lane in Lane})
    _file: AppendFile | None = field(default=None, init=False, repr=False, eq=False)
    _size: int = field(default=0, init=False, repr=False, eq=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a cursor; a missing one stands at the beginning, a corrupt one is set aside.

        Raises `OSError` when the disk does not give it now.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return cls(path)
        for raw in reversed(content.split(b"\n")[:-1]):
            line = unframe(raw)
            with contextlib.suppress(*NONSENSE):
                if line is not None:
                    return cls._from_line(path, line)
        _cursors, folder, _spool, base = list(path.parents)[:4]
        kept = base / DAMAGED / f"{folder.name}-{path.name}"
        give_up_file(path, "it starts at the beginning; records may come twice", kept)
        return cls(path)

    @classmethod
    def _from_line(cls, path: Path, line: bytes) -> Self:
        cursor = cls(path)
        stored = decode(line)
        for lane in Lane:
            segment, offset = stored["positions"][lane.value]
            cursor.positions[lane] = Position(int(segment), int(offset))
            cursor.settled[lane] = {str(record_id) for record_id in stored["settled"][lane.value]}
        return cursor

    def save(self) -> bool:
        """Have the file know where this stands; false when the disk does not take it."""
        line = frame(
            encode(
                {
                    "format": FORMAT,
                    "positions": self.positions,
                    "settled": {lane: sorted(ids) for lane, ids in self.settled.items()},
                }
            )
        )
        return self._append(line) or self._begin_anew(line)

    def _append(self, line: bytes) -> bool:
        file = self._file
        if file is None or self._size + len(line) > MOST_BYTES:
            return False
        self._size += len(line)
        with contextlib.suppress(OSError):
            return file.write(line) == len(line)
        return False

    def _begin_anew(self, line: bytes) -> bool:
        self.let_go()
        if not replace_file(self.path, line):
            return False
        with contextlib.suppress(OSError):  # no descriptor to spare: the next save replaces too
            self._file = AppendFile(self.path, "ab")
        self._size = len(line)
        return True

    def move_to(self, path: Path) -> None:
        """Have the file at another place from the next save on."""
        self.let_go()
        self.path = path

    def linked(self) -> bool:
        """Whether what is saved next will be found there."""
        file = self._file
        return file is None or os.fstat(file.fileno()).st_nlink > 0

    def let_go(self) -> None:
        """Have the next save replace the file, and close it as soon as no thread writes to it."""
        self._file = None

    def forget(self) -> None:
        """Delete the file."""
        self.let_go()
        with contextlib.suppress(OSError):
            os.unlink(self.path)


def remove_cursors(directory: Path) -> None:
    """Delete a directory of cursors that nobody needs any more. Raises `OSError`."""
    for name in os.listdir(directory):
        if CURSOR_SUFFIX in name:  # or what is left of replacing one
            os.unlink(directory / name)
    os.rmdir(directory)
