"""Whatever programs, disks, clocks and people do to a spool: what a sink is owed arrives, once."""

from __future__ import annotations

import errno
import itertools
import os
import secrets
import shutil
from collections import Counter, defaultdict
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pytest_telemetry.clock import FakeClock

from telemetry_core.codec import encode
from telemetry_core.delivery.spool import adoption as adoption_module
from telemetry_core.delivery.spool import overflow as overflow_module
from telemetry_core.delivery.spool import segment as segment_module
from telemetry_core.delivery.spool import writer as writer_module
from telemetry_core.delivery.spool.frame import frame
from telemetry_core.delivery.spool.purging import purge
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.files import AppendFile
from telemetry_core.models import RunEvent
from telemetry_core.records import Kind, Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

SINKS = ("a", "b", "c")
SEGMENT_BYTES = 600
MEMORY_BYTES = 1_500
PLENTY = 1 << 30
AGES = 4_000_000_000 * 10**9  # the wall clock of a time when every folder is too old
REPEAT = encode("again", Kind.EVENT, 0, 1, RunEvent("again", "repeated", 1), repeat=True)
whose = st.integers(0, 3)


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


class Spooling(RuleBasedStateMachine):
    """Up to three programs over one base directory, against sets of what each sink is owed."""

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

    # -- programs

    @precondition(lambda self: len(self.living) < 3)
    @rule(
        sinks=st.sets(st.sampled_from(SINKS), min_size=1),
        idle=st.sets(st.sampled_from(SINKS), max_size=1),
        durability=st.sampled_from(["process", "interval"]),
        max_bytes=st.sampled_from([PLENTY, PLENTY, PLENTY, 2_000]),
    )
    def a_program_starts(
        self, sinks: set[str], idle: set[str], durability: str, max_bytes: int
    ) -> None:
        spool = Spool(
            self.base,
            "svc",
            clock=self.clock,
            durability=durability,
            max_bytes=max_bytes,
            preface=lambda: [REPEAT],
        )
        self.may_drop |= max_bytes != PLENTY
        program = Program(spool, tuple(sorted(sinks)))
        for sink in program.sinks:
            spool.outbox(sink)
        self.living.append(program)
        for sink in sorted(sinks - idle):
            self._build(program, sink)

    def _build(self, program: Program, sink: str) -> None:
        program.spool.sink_is_live(sink, "there")
        program.live.add(sink)

    @precondition(lambda self: self.living)
    @rule(who=whose)
    def its_last_sink_is_built(self, who: int) -> None:
        program = self._one(who)
        for sink in program.sinks:
            self._build(program, sink)

    @precondition(lambda self: self.living)
    @rule(who=whose)
    def a_program_is_killed(self, who: int) -> None:
        program = self._one(who)
        self.living.remove(program)
        self.gone |= program.in_memory()
        if program.in_danger:
            self.gone.update(self._unsettled(program))
        self._count_drops(program)
        program.die()

    @precondition(lambda self: self.living)
    @rule(who=whose, late=st.booleans())
    def a_program_ends(self, who: int, late: bool) -> None:
        program = self._one(who)
        self.living.remove(program)
        if program.in_danger and self.disk.full:
            self.gone.update(self._unsettled(program))
        in_memory = program.in_memory() if self.disk.full else set()
        before = program.spool.not_accepted
        program.spool.close()
        assert program.spool.not_accepted - before == len(in_memory)
        self.gone |= in_memory
        self._count_drops(program)
        if late:  # the program goes on talking: that is for the next one
            program.in_order = False
            self._say(program, Lane.CRITICAL, 10)
            self.gone |= program.in_memory()
            program.die()

    # -- records

    @precondition(lambda self: self.living)
    @rule(
        who=whose,
        lane=st.sampled_from(Lane),
        size=st.sampled_from([0, 100, 2 * SEGMENT_BYTES]),
        count=st.integers(1, 6),
    )
    def a_program_says_something(self, who: int, lane: Lane, size: int, count: int) -> None:
        for _ in range(count):
            self._say(self._one(who), lane, size)

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

    @precondition(lambda self: self.living)
    @rule(who=whose, sink=st.sampled_from(SINKS), limit=st.integers(1, 9))
    def a_sink_takes(self, who: int, sink: str, limit: int) -> None:
        program = self._one(who)
        if sink in program.live:
            self._take(program, sink, limit, PLENTY)

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

    @precondition(lambda self: any(any(p.in_hand.values()) for p in self.living))
    @rule(who=whose, sink=st.sampled_from(SINKS), which=st.integers(0, 63))
    def a_sink_settles(self, who: int, sink: str, which: int) -> None:
        program = self._one(who)
        hand = program.in_hand[sink]
        done = [said for n, said in enumerate(hand) if which >> n % 6 & 1]
        if done:
            self._settle(program, sink, done)

    def _settle(self, program: Program, sink: str, done: list[Said]) -> None:
        from_memory = program.in_memory()
        program.spool.outboxes[sink].settle([said.id for said in done])
        program.in_hand[sink] = [said for said in program.in_hand[sink] if said not in done]
        ids = {said.id for said in done}
        self.arrived[sink] |= ids
        if not self.disk.full and not program.in_danger:
            self.saved[sink] |= ids - from_memory

    # -- care

    @precondition(lambda self: self.living)
    @rule(who=whose)
    def a_worker_looks_after_the_folders(self, who: int) -> None:
        self._tick(self._one(who))

    def _tick(self, program: Program) -> None:
        program.spool.tick()
        folder = program.spool.writer.folder
        program.in_danger &= folder is not None and not folder.linked()

    @precondition(lambda self: self.living)
    @rule(who=whose)
    def a_worker_looks_for_heirless_folders(self, who: int) -> None:
        self._one(who).spool.adopt()

    @rule(sink=st.sampled_from(SINKS), who=whose)
    def somebody_purges_a_sink(self, sink: str, who: int) -> None:
        folders = self._folders()
        if folders:
            purged = purge(folders[who % len(folders)], sink)
            self.dropped[sink] += purged.records
            self.may_drop |= bool(purged.records)

    @rule(seconds=st.sampled_from([1, 61, 3_600]))
    def time_goes_by(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(wall=st.sampled_from([0, 10**18, AGES]))
    def somebody_sets_the_clock(self, wall: int) -> None:
        self.clock.set_wall(wall)
        self.may_drop |= wall == AGES

    # -- trouble

    @rule(half=st.booleans())
    def the_disk_is_full(self, half: bool) -> None:
        self.disk.full, self.disk.half = True, half
        self.exact = False

    @rule()
    def the_disk_has_room(self) -> None:
        self.disk.full = False

    @rule(who=whose)
    def somebody_removes_a_folder(self, who: int) -> None:
        for path in self._folders()[who : who + 1]:
            self._lose(path)
            shutil.rmtree(path)
        self.exact = False

    def _lose(self, path: Path) -> None:
        """Give up what is in a folder, unless its own program can save it."""
        for program in self.living:
            folder = program.spool.writer.folder
            if folder is not None and folder.path == path:
                program.in_danger = True
                return
        content = b"".join(segment.read_bytes() for segment in path.glob("*.seg"))
        self.gone |= {said.id for said in self.said.values() if _names(content, said.id)}

    @rule(who=whose, where=st.integers(0, 10**6), bit=st.integers(0, 7))
    def a_byte_of_a_segment_goes_bad(self, who: int, where: int, bit: int) -> None:
        segments = [s for s in sorted(self.base.glob("spool/*/*.seg")) if s.stat().st_size]
        for segment in segments[who : who + 1]:
            content = bytearray(segment.read_bytes())
            where %= len(content)
            if content[where] != ord("\n"):
                begin = content.rfind(b"\n", 0, where) + 1
                line = bytes(content[begin : content.find(b"\n", where)])
                self.damaged |= {said.id for said in self.said.values() if _names(line, said.id)}
                content[where] ^= 1 << bit
                _overwrite(segment, bytes(content))
                self.exact = False

    @rule(who=whose, cut=st.integers(1, 60))
    def a_write_is_cut_short(self, who: int, cut: int) -> None:
        segments = sorted(self.base.glob("spool/*/*.seg"))
        for segment in segments[who : who + 1]:
            with segment.open("ab") as file:
                file.write(frame(line_of("torn", 0, 0))[:cut])
            self.exact = False

    # -- what must hold

    @invariant()
    def what_is_in_hand_is_pending(self) -> None:
        for program in self.living:
            for sink in program.live:
                pending = program.spool.outboxes[sink].pending()
                if self.exact and not self.may_drop:
                    assert pending >= len(program.in_hand[sink])

    @precondition(lambda self: self.said)
    @rule()
    def all_end_and_one_delivers_the_rest(self) -> None:
        self.disk.full = False
        while self.living:
            self._tick(self.living[0])
            self.a_program_ends(0, late=False)
        self.a_program_starts(set(SINKS), set(), "process", PLENTY)
        (heir,) = self.living
        while sum(self._deliver(heir, sink) for sink in SINKS) or heir.spool.adopt():
            heir.spool.tick()
        self.a_program_ends(0, late=False)
        for sink in SINKS:
            self._nothing_is_missing(sink)
        assert list(self.base.rglob("*.seg")) == []
        self.said.clear()
        self.gone.clear()

    def _deliver(self, heir: Program, sink: str) -> int:
        taken = self._take(heir, sink, 1_000, PLENTY)
        self._settle(heir, sink, heir.in_hand[sink])
        return taken

    def _nothing_is_missing(self, sink: str) -> None:
        owed = {said.id for said in self.said.values() if sink in said.owed}
        missing = owed - self.arrived[sink] - self.gone
        assert len(missing) <= self.dropped[sink]
        if not self.may_drop:
            assert missing <= self.damaged
        if self.exact:
            assert len(missing) == self.dropped[sink]
        self.dropped[sink] = 0

    # -- helpers

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


def _names(content: bytes, record_id: str) -> bool:
    return b'"id":"%b"' % record_id.encode() in content


def _overwrite(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)


Spooling.TestCase.settings = settings(stateful_step_count=40)
TestSpooling = Spooling.TestCase
