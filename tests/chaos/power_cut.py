"""A disk that keeps what it was told to keep, and of the rest whatever is worst.

It is given the changes that a program made, one by one, as the file layer wrote them down. At a
power cut a file is what it was at its last sync, with none, some or all of the writes since, of
which the last may have lost its end and any other a sector; a folder has the names of its last
sync, with none, some or all of their changes since. Two changes of one name keep their order; of
different names, and of files and names, nothing is said, which is more than any file system in use
permits itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field

from tests.chaos import file_layer as layer

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from tests.chaos.file_layer import Change

KEPT = (0.0, 0.1, 0.5, 0.9, 1.0)  # of what was not synced; each file and folder has one of them
TORN = (0.0, 0.25)  # of the writes that were kept; each file has one of them
SECTOR = 512  # bytes, which a disk takes as a whole or not at all
Write: TypeAlias = "tuple[int, bytes] | int"


@define
class File:
    """A file's bytes at its last sync, and what was written since: data at an offset, or a size."""

    synced: bytes = b""
    since: list[Write] = field(factory=list)

    def now(self) -> bytes:
        """Return what a reader sees while the power is on."""
        return _written(self.synced, self.since)

    def sync(self) -> None:
        """Have the disk take it."""
        self.synced, self.since = self.now(), []

    def survives(self, chance: random.Random) -> bytes:
        """Return what is there after the power was cut."""
        kept, torn = chance.choice(KEPT), chance.choice(TORN)
        since = [write for write in self.since if chance.random() < kept]
        last = len(since) - 1
        since = [
            part
            for number, write in enumerate(since)
            for part in _torn(write, torn, chance, cut_short=number == last)
        ]
        return _written(self.synced, since)


Node: TypeAlias = "File | Names"


@define
class Names:
    """A folder's names at its last sync, now, and the changes in between, each to be kept whole."""

    synced: dict[str, Node] = field(factory=dict)
    now: dict[str, Node] = field(factory=dict)
    since: list[dict[str, Node | None]] = field(factory=list)

    def change(self, **names: Node | None) -> None:
        """Give names to something, or to nothing, at once."""
        self.since.append(names)
        _renamed(self.now, names)

    def sync(self) -> None:
        """Have the disk take them."""
        self.synced, self.since = dict(self.now), []

    def survives(self, chance: random.Random) -> dict[str, Node]:
        """Return the names that are there after the power was cut."""
        kept = chance.choice(KEPT)
        names = dict(self.synced)
        undone: set[str] = set()
        for change in self.since:
            if undone.isdisjoint(change) and chance.random() < kept:
                _renamed(names, change)
            else:
                undone.update(change)
        return names


class Disk:
    """What lies below one directory, which has been there for long."""

    def __init__(self, below: Path) -> None:
        self._below = below
        self._top = Names()
        self._files: dict[int, File] = {}

    def take(self, change: Change) -> None:
        """Have a change happen."""
        if change.kind in {layer.WRITE, layer.TRUNCATE, layer.SYNC}:
            self._change_file(change)
        elif change.kind == layer.SYNC_NAMES:
            if Path(change.path).is_relative_to(self._below):
                self._names(change.path).sync()
        else:
            self._change_names(change)

    def _change_file(self, change: Change) -> None:
        file = self._files[change.file]
        if change.kind == layer.WRITE:
            file.since.append((change.offset, change.data))
        elif change.kind == layer.TRUNCATE:
            file.since.append(change.offset)
        else:
            file.sync()

    def _change_names(self, change: Change) -> None:
        folder, name = os.path.split(change.path)
        names = self._names(folder)
        if change.kind == layer.CREATE:
            self._files[change.file] = file = File()
            names.change(**{name: file})
        elif change.kind == layer.MKDIR:
            names.change(**{name: Names()})
        elif change.kind in {layer.UNLINK, layer.RMDIR}:
            names.change(**{name: None})
        elif change.kind == layer.LINK:
            to_folder, to_name = os.path.split(change.other)
            self._names(to_folder).change(**{to_name: names.now[name]})
        else:
            self._rename(names, name, *os.path.split(change.other))

    def _rename(self, names: Names, name: str, to_folder: str, to_name: str) -> None:
        target, moved = self._names(to_folder), names.now[name]
        if target is names:
            names.change(**{name: None, to_name: moved})
        else:
            target.change(**{to_name: moved})
            names.change(**{name: None})

    def _names(self, path: str) -> Names:
        names = self._top
        for part in os.path.relpath(path, self._below).split(os.sep):
            if part != os.curdir:
                found = names.now[part]
                assert isinstance(found, Names)
                names = found
        return names

    def lay_out(self, place: Path, chance: random.Random) -> None:
        """Write what is there after the power was cut now to a directory of the real disk."""
        _lay_out(place, self._top, chance)


def _lay_out(place: Path, names: Names, chance: random.Random) -> None:
    for name, node in names.survives(chance).items():
        if isinstance(node, File):
            (place / name).write_bytes(node.survives(chance))
        else:
            (place / name).mkdir()
            _lay_out(place / name, node, chance)


def _torn(write: Write, torn: float, chance: random.Random, *, cut_short: bool) -> Iterator[Write]:
    """Give a write, perhaps without its end, or without what falls into one of its sectors."""
    if isinstance(write, int) or chance.random() >= torn:
        yield write
        return
    offset, data = write
    if cut_short:
        yield offset, data[: chance.randrange(len(data))]
        return
    lost = SECTOR * chance.randint(offset // SECTOR, (offset + len(data) - 1) // SECTOR) - offset
    begin, end = max(0, lost), min(lost + SECTOR, len(data))
    yield offset, data[:begin]
    yield offset + end, data[end:]


def _written(content: bytes, writes: list[Write]) -> bytes:
    result = bytearray(content)
    for write in writes:
        if isinstance(write, int):
            del result[write:]
            result.extend(bytes(write - len(result)))
        else:
            offset, data = write
            result.extend(bytes(max(0, offset - len(result))))  # what is not written yet is zero
            result[offset : offset + len(data)] = data
    return bytes(result)


def _renamed(names: dict[str, Node], change: dict[str, Node | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
