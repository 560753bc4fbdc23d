"""Whatever programs, disks, clocks and people do to a spool: what a sink is owed arrives, once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from telemetry_core.delivery.spool.frame import frame
from telemetry_core.delivery.spool.purging import purge
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.records import Lane
from tests.core.delivery.spool.model import (
    AGES,
    PLENTY,
    REPEAT,
    SEGMENT_BYTES,
    SINKS,
    Program,
    SpoolModel,
    line_of,
    mentions,
)

if TYPE_CHECKING:
    from pathlib import Path

whose = st.integers(0, 3)


class Spooling(SpoolModel):
    """Whatever may happen, in any order."""

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

    @precondition(lambda self: self.living)
    @rule(who=whose, sink=st.sampled_from(SINKS), limit=st.integers(1, 9))
    def a_sink_takes(self, who: int, sink: str, limit: int) -> None:
        program = self._one(who)
        if sink in program.live:
            self._take(program, sink, limit, PLENTY)

    @precondition(lambda self: any(any(p.in_hand.values()) for p in self.living))
    @rule(who=whose, sink=st.sampled_from(SINKS), which=st.integers(0, 63))
    def a_sink_settles(self, who: int, sink: str, which: int) -> None:
        program = self._one(who)
        hand = program.in_hand[sink]
        done = [said for n, said in enumerate(hand) if which >> n % 6 & 1]
        if done:
            self._settle(program, sink, done)

    # -- care

    @precondition(lambda self: self.living)
    @rule(who=whose)
    def a_worker_looks_after_the_folders(self, who: int) -> None:
        self._tick(self._one(who))

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

    @rule(who=whose, where=st.integers(0, 10**6), bit=st.integers(0, 7))
    def a_byte_of_a_segment_goes_bad(self, who: int, where: int, bit: int) -> None:
        segments = [s for s in sorted(self.base.glob("spool/*/*.seg")) if s.stat().st_size]
        for segment in segments[who : who + 1]:
            content = bytearray(segment.read_bytes())
            where %= len(content)
            if content[where] != ord("\n"):
                begin = content.rfind(b"\n", 0, where) + 1
                line = bytes(content[begin : content.find(b"\n", where)])
                self.damaged |= {said.id for said in self.said.values() if mentions(line, said.id)}
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


def _overwrite(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)


Spooling.TestCase.settings = settings(stateful_step_count=40)
TestSpooling = Spooling.TestCase
