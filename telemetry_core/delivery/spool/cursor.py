"""How far one sink has come in one folder: a position a lane, and what is settled beyond it."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, NamedTuple, Self

from attrs import define, field

from telemetry_core.files import DAMAGED, give_up_file, replace_file
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1


class Position(NamedTuple):
    """A place in a lane: the number of a segment and an offset in it."""

    segment: int = 0
    offset: int = 0


@define
class Cursor:
    """One sink's positions in one folder, kept in `cursors/<sink>.json`."""

    path: Path
    positions: dict[Lane, Position] = field(factory=lambda: dict.fromkeys(Lane, Position()))
    settled: dict[Lane, set[str]] = field(factory=lambda: {lane: set() for lane in Lane})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a cursor; a missing one stands at the beginning, a corrupt one is set aside.

        Raises `OSError` when the disk does not give it now.
        """
        cursor = cls(path)
        try:
            cursor._read(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return cursor
        except (ValueError, KeyError, TypeError, AttributeError):
            _cursors, folder, _spool, base = list(path.parents)[:4]
            kept = base / DAMAGED / f"{folder.name}-{path.name}"
            give_up_file(path, "it starts at the beginning; records may come twice", kept)
            return cls(path)
        return cursor

    def _read(self, stored: dict[str, dict[str, list[int] | list[str]]]) -> None:
        for lane in Lane:
            segment, offset = stored["positions"][lane.value]
            self.positions[lane] = Position(int(segment), int(offset))
            self.settled[lane] = {str(record_id) for record_id in stored["settled"][lane.value]}

    def save(self) -> bool:
        """Replace the file at once; false when the disk does not take it."""
        content = {
            "format": FORMAT,
            "positions": {lane.value: position for lane, position in self.positions.items()},
            "settled": {lane.value: sorted(ids) for lane, ids in self.settled.items()},
        }
        return replace_file(self.path, json.dumps(content).encode())

    def forget(self) -> None:
        """Delete the file."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)
