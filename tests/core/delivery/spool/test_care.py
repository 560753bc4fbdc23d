"""What the care of the folders must not lose, whatever happens in the middle of it."""

from __future__ import annotations

import errno
import os
import resource
import threading
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.delivery.spool import segment as segment_module
from telemetry_core.delivery.spool import sync as sync_module
from telemetry_core.delivery.spool.cursor import Cursor
from telemetry_core.delivery.spool.segment import Segment
from telemetry_core.records import Lane
from tests.core.delivery.spool.conftest import ids
from tests.forked import ended, forked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry_core.delivery.spool.folder import Folder
    from telemetry_core.delivery.spool.spool import Spool

    MakeSpool = Callable[..., Spool]
    MakeLine = Callable[..., bytes]


def refuse(number: int) -> Callable[..., Any]:
    def fail(*_arguments: object, **_keywords: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def own_folder(spool: Spool) -> Folder:
    assert spool.writer.folder is not None
    return spool.writer.folder


@pytest.fixture
def in_memory(make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch) -> Spool:
    """Return a spool with three records in memory only, of which the sink `one` has the first."""
    spool = make_spool("one", "two")
    with monkeypatch.context() as broken:
        broken.setattr(os, "mkdir", refuse(errno.EROFS))
        for _ in range(3):
            spool.put(Lane.STANDARD, line())
        spool.outboxes["one"].settle(ids(spool, "one", limit=1))
    return spool


def test_what_was_settled_and_dropped_for_room_hides_nothing_that_waits(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 150)
    spool = make_spool()
    for _ in range(3):
        spool.put(Lane.STANDARD, line())
    ids(spool)
    spool.outboxes["sink"].settle(["e2"])
    assert own_folder(spool).drop_oldest(Lane.STANDARD, keep=1)
    spool.close()
    heir = make_spool()
    assert heir.adopt()
    assert ids(heir) == ["e3"]


def test_a_damaged_line_that_nobody_has_read_is_left_for_who_counts_it(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    path = next(own_folder(spool).all_segments()).path
    spool.outboxes["sink"].settle(ids(spool))
    path.write_bytes(path.read_bytes() + b"scratched\n")
    spool.close()
    heir = make_spool()
    assert heir.adopt()
    assert ids(heir) == []
    assert heir.dropped("sink") == 1


def test_a_disk_that_refuses_once_more_is_not_told_what_was_settled(
    in_memory: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(Segment, "create", refuse(errno.ENOSPC))
        in_memory.tick()
    assert not own_folder(in_memory).cursor("one").settled[Lane.STANDARD]
    in_memory.tick()
    assert ids(in_memory, "one") == ["e2", "e3"]
    assert ids(in_memory, "two") == ["e1", "e2", "e3"]


def test_a_cursor_that_cannot_be_read_keeps_no_record_in_memory_from_the_disk(
    in_memory: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Cursor, "load", refuse(errno.EMFILE))
        in_memory.tick()
    assert in_memory.writer.overflow is None
    assert ids(in_memory, "two") == ["e1", "e2", "e3"]


def test_a_folder_seen_while_its_sink_was_being_built_is_looked_at_again(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_spool("late")
    old.put(Lane.STANDARD, line())
    old.close()
    heir = make_spool("early")
    heir.outbox("late")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(heir, "_is_aged", lambda _folder: heir.sink_is_live("late", "there"))
        assert not heir.adopt()
    assert heir.adopt()
    assert ids(heir, "late") == ["e1"]


def test_who_has_patience_adopts_after_another_thread(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    old = make_spool()
    old.put(Lane.STANDARD, line())
    old.close()
    heir = make_spool()
    with heir._caring:
        assert not heir.adopt()
        adopting = threading.Thread(target=heir.adopt, args=(60.0,))
        adopting.start()
    adopting.join(60)
    assert ids(heir) == ["e1"]


def test_two_threads_that_sync_at_once_leave_no_file_out(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool(durability="interval")
    spool.put(Lane.STANDARD, line())
    for _ in range(2):
        spool.writer.standard.room = -1
        spool.put(Lane.STANDARD, line())
    rolled = {s.path: s for s in own_folder(spool).all_segments() if s.number < 3}
    synced: list[int] = []

    def sync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        if len(synced) == 1:
            other = threading.Thread(target=spool.sync)
            other.start()
            other.join(60)

    monkeypatch.setattr(sync_module, "sync_data", sync)
    spool.sync()
    assert {os.stat(path).st_ino for path in rolled} <= set(synced)


def test_a_child_lets_go_of_everything_also_without_a_descriptor_to_spare(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.outboxes["sink"].settle(ids(spool))

    def let_go() -> None:
        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        spool.abandon()
        assert not own_folder(spool).lock.held

    assert ended(forked(let_go)) == 0


def test_adopting_many_folders_leaves_no_descriptor_open(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    for _ in range(40):
        old = make_spool("one", "two")
        old.put(Lane.STANDARD, line())
        old.close()
    heir = make_spool("one", "two")
    before = len(os.listdir("/proc/self/fd"))
    seen = {"one": 0, "two": 0}
    while heir.adopt():
        for sink in seen:
            new = ids(heir, sink)
            heir.outboxes[sink].settle(new)
            seen[sink] += len(new)
            ids(heir, sink)
    heir.tick()
    assert seen == {"one": 40, "two": 40}
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_cursor_that_nests_too_deeply_is_set_aside(tmp_path: Path) -> None:
    from telemetry_core.delivery.spool.frame import frame

    path = tmp_path / "spool" / "0123abcd" / "cursors" / "sink.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(frame(b"[" * 100_000))
    assert Cursor.load(path) == Cursor(path)
    assert not path.exists()
