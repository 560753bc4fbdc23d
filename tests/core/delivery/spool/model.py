"""Programs over one base directory on a disk that fails, and sets of what each sink is owed."""

from __future__ import annotations

import errno
import itertools
import os
import secrets
from collections import Counter, defaultdict
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from hypothesis.stateful import RuleBasedStateMachine
from pytest_telemetry.clock import FakeClock

from telemetry_core.codec import encode
from telemetry_core.delivery.spool import adoption as adoption_module
from telemetry_core.delivery.spool import overflow as overflow_module
from telemetry_core.delivery.spool import segment as segment_module
from telemetry_core.delivery.spool import writer as writer_module
from telemetry_core.files import AppendFile
from telemetry_core.models import RunEvent
from telemetry_core.records import Kind, Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.delivery.spool.spool import Spool

SINKS = ("a", "b", "c")
SEGMENT_BYTES = 600
MEMORY_BYTES = 1_500
PLENTY = 1 << 30
AGES = 4_000_000_000 * 10**9  # the wall clock of a time when every folder is too old
REPEAT = encode("again", Kind.EVENT, 0, 1, RunEvent("again", "repeated", 1), repeat=True)


def line_of(record_id: str, number: int, size: int) -> bytes:
    event = RunEvent(record_id, "happened", 1_000 + number, None, {"x": "x" * size})
    return encode(record_id, Kind.EVENT, number, event.time_ns, event)


@define
class Disk:
    """What the disk does with a write: take it, half of it once, or nothing."""

    full: bool = False
    half: bool = False

    def append(self, file: AppendFile, data: bytes) -> int | None:
        """Write as `AppendFile` does, as far as there is room."""
        if self.full and not self.half:
            raise OSError(errno.ENOSPC, "no room")
        if self.full:
            self.half = False
            data = data[: len(data) // 2]
        return FileIO.write(file, data)

    def unless_full(self, real: Any) -> Any:
        """Return a system call that needs room."""

        def call(*arguments: Any, **keywords: Any) -> Any:
            if self.full:
                raise OSError(errno.ENOSPC, "no room")
            return real(*arguments, **keywords)

        return call


@define(eq=False)
class Said:
    """A record that a program was told is kept: by which program, and whom it is owed to."""

    id: str
    number: int
    size: int
    lane: Lane
    home: Program
    owed: frozenset[str]


@define(eq=False)
class Program:
    """One process: its spool, and what its sinks have in hand."""

    spool: Spool
    sinks: tuple[str, ...]
    live: set[str] = field(factory=set)
    in_hand: dict[str, list[Said]] = field(factory=lambda: defaultdict(list))
    last: dict[tuple[str, Program, Lane], int] = field(factory=dict)
    in_order: bool = True
    in_danger: bool = False

    def in_memory(self) -> set[str]:
        """Return what the disk has not taken and somebody is owed."""
        overflow = self.spool.writer.overflow
        return {record_id for _, _, record_id, _ in overflow.unsettled()} if overflow else set()

    def die(self) -> None:
        """End as a killed process does: the kernel lets the locks go, the files stay."""
        self.spool.writer.shut()
        for folder in self.spool.folders():
            if folder is not self.spool.writer.overflow:
                folder.close()


class SpoolModel(RuleBasedStateMachine):
    """Up to three programs, what they were told is kept, and what became of it; rules come on top."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.base = Path(self.directory.name)
        self.clock = FakeClock()
        self.disk = Disk()
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr(segment_module, "SEGMENT_BYTES", SEGMENT_BYTES)
        self.patches.setattr(writer_module, "SEGMENT_BYTES", SEGMENT_BYTES)
        self.patches.setattr(overflow_module, "MEMORY_BYTES", MEMORY_BYTES)
        self.patches.setattr(AppendFile, "write", lambda file, data: self.disk.append(file, data))
        names = itertools.count()
        self.patches.setattr(secrets, "token_hex", lambda _size: f"{next(names):08x}")
        ages = {"sorted": lambda paths, key: sorted(paths), "_changed_ns": lambda _: next(names)}
        for name, instead in ages.items():  # not by the time that the file system keeps
            self.patches.setattr(adoption_module, name, instead, raising=False)
        for name in ("write", "mkdir"):
            self.patches.setattr(os, name, self.disk.unless_full(getattr(os, name)))
        self.living: list[Program] = []
        self.numbers = itertools.count()
        self.said: dict[str, Said] = {}
        self.arrived: dict[str, set[str]] = {sink: set() for sink in SINKS}
        self.saved: dict[str, set[str]] = {sink: set() for sink in SINKS}
        self.dropped: Counter[str] = Counter()
        self.gone: set[str] = set()  # with the memory of a program, or a folder taken away
        self.damaged: set[str] = set()
        self.may_drop = False
        self.exact = True  # whether the count of what is dropped is to the record

    def _build(self, program: Program, sink: str) -> None:
        program.spool.sink_is_live(sink, "there")
        program.live.add(sink)

    def _say(self, program: Program, lane: Lane, size: int) -> None:
        number, refused = next(self.numbers), program.spool.not_accepted
        record_id = f"e{number}"
        kept = program.spool.put(lane, line_of(record_id, number, size))
        assert kept == (program.spool.not_accepted == refused)
        assert kept or program.in_danger or program.spool.writer.overflow is not None
        if kept:
            said = Said(record_id, number, size, lane, program, frozenset(program.sinks))
            self.said[record_id] = said
        program.in_order &= program.spool.writer.overflow is None

    def _take(self, program: Program, sink: str, limit: int, max_bytes: int) -> int:
        records = program.spool.outboxes[sink].take(limit, max_bytes)
        assert len(records) <= limit
        for record in records:
            said = self.said[record.id]
            assert isinstance(record.body, RunEvent)
            assert record.body.payload == {"x": "x" * said.size}
            assert record.lane is said.lane
            assert sink in said.owed
            assert said not in program.in_hand[sink]
            assert record.id not in self.saved[sink]
            self._came_in_order(program, sink, said)
            program.in_hand[sink].append(said)
        return len(records)

    def _came_in_order(self, program: Program, sink: str, said: Said) -> None:
        place = (sink, said.home, said.lane)
        if said.home.in_order:
            assert said.number > program.last.get(place, -1)
        program.last[place] = said.number

    def _settle(self, program: Program, sink: str, done: list[Said]) -> None:
        from_memory = program.in_memory()
        program.spool.outboxes[sink].settle([said.id for said in done])
        program.in_hand[sink] = [said for said in program.in_hand[sink] if said not in done]
        ids = {said.id for said in done}
        self.arrived[sink] |= ids
        if not self.disk.full and not program.in_danger:
            self.saved[sink] |= ids - from_memory

    def _tick(self, program: Program) -> None:
        program.spool.tick()
        folder = program.spool.writer.folder
        program.in_danger &= folder is not None and not folder.linked()

    def _lose(self, path: Path) -> None:
        """Give up what is in a folder, unless its own program can save it."""
        for program in self.living:
            folder = program.spool.writer.folder
            if folder is not None and folder.path == path:
                program.in_danger = True
                return
        content = b"".join(segment.read_bytes() for segment in path.glob("*.seg"))
        self.gone |= {said.id for said in self.said.values() if mentions(content, said.id)}

    def _nothing_is_missing(self, sink: str) -> None:
        owed = {said.id for said in self.said.values() if sink in said.owed}
        missing = owed - self.arrived[sink] - self.gone
        assert len(missing) <= self.dropped[sink]
        if not self.may_drop:
            assert missing <= self.damaged
        if self.exact:
            assert len(missing) == self.dropped[sink]
        self.dropped[sink] = 0

    def _one(self, who: int) -> Program:
        return self.living[who % len(self.living)]

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.base.glob("spool/*") if path.is_dir())

    def _unsettled(self, program: Program) -> Iterator[str]:
        return (said.id for said in self.said.values() if said.home is program)

    def _count_drops(self, program: Program) -> None:
        for sink in SINKS:
            self.dropped[sink] += program.spool.dropped(sink)

    def teardown(self) -> None:
        self.disk.full = False
        for program in self.living:
            program.die()
        self.patches.undo()
        self.directory.cleanup()


def mentions(content: bytes, record_id: str) -> bool:
    return b'"id":"%b"' % record_id.encode() in content
