"""What went wrong once: wedged readers, races of the care, broken disks, signals, descriptors."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.clock import NS_PER_DAY
from telemetry_core.delivery import lock as lock_module
from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool import folder as folder_module
from telemetry_core.delivery.spool import reader as reader_module
from telemetry_core.delivery.spool import segment as segment_module
from telemetry_core.delivery.spool import spool as spool_module
from telemetry_core.delivery.spool import sync as sync_module
from telemetry_core.delivery.spool import writer as writer_module
from telemetry_core.delivery.spool.cursor import Cursor
from telemetry_core.delivery.spool.frame import frame
from telemetry_core.delivery.spool.segment import Appender, Segment
from telemetry_core.records import Lane
from tests.core.delivery.spool.conftest import crash, ids

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock

    from telemetry_core.delivery.spool.spool import Spool

    MakeSpool = Callable[..., Spool]
    MakeLine = Callable[..., bytes]


def raise_error(number: int) -> Callable[..., Any]:
    def fail(*_arguments: object, **_keywords: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let segments be so small that a few records fill one."""
    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 500)


def test_one_id_twice_in_a_lane_holds_up_nothing(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "MOST_IN_FLIGHT", 3)
    spool = make_spool()
    twice = line()
    for text in (twice, twice, line(), line(), line()):
        spool.put(Lane.STANDARD, text)
    first = ids(spool)
    spool.outboxes["sink"].settle(first)
    spool.outboxes["sink"].settle(ids(spool))
    assert spool.outboxes["sink"].pending() == 0


def test_a_disk_that_does_not_confirm_gets_each_record_once(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool(durability="always")
    spool.put(Lane.STANDARD, line())
    monkeypatch.setattr(segment_module, "sync_data", raise_error(errno.EIO))
    assert spool.put(Lane.STANDARD, line())
    assert ids(spool) == ["e1", "e2"]


def test_what_is_under_way_from_memory_does_not_come_again_from_the_disk(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool("one", "two")
    with monkeypatch.context() as broken:
        broken.setattr(os, "mkdir", raise_error(errno.EROFS))
        for _ in range(3):
            spool.put(Lane.STANDARD, line())
        under_way = ids(spool, "one", limit=2)
    spool.tick()
    assert ids(spool, "one") == ["e3"]
    spool.outboxes["one"].settle([*under_way, "e3"])
    assert spool.outboxes["one"].pending() == 0


def test_memory_that_everybody_has_seen_is_free_again(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "mkdir", raise_error(errno.EROFS))
    spool = make_spool("one", "two")
    for _ in range(8):
        assert spool.put(Lane.STANDARD, line(payload="x" * 4_000_000))
        for sink in ("one", "two"):
            spool.outboxes[sink].settle(ids(spool, sink))
    assert spool.writer.not_accepted == 0


def test_a_folder_that_cannot_be_read_now_loses_nothing_of_the_others(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_spool()
    old.put(Lane.STANDARD, line())
    path = crash(old)
    heir = make_spool()
    heir.put(Lane.STANDARD, line())
    heir.adopt()
    real = Segment.read

    def broken(self: Segment, *arguments: Any, **keywords: Any) -> bytes:
        if self.path.parent == path:
            raise OSError(errno.EIO, "broken")
        return real(self, *arguments, **keywords)

    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(Segment, "read", broken)
        assert ids(heir) == ["e2"]
        assert heir.outboxes["sink"].pending() == 1
    assert ids(heir) == ["e1"]


def test_an_error_while_adopting_leaves_the_folder_for_later(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_spool()
    old.put(Lane.STANDARD, line())
    crash(old)
    with monkeypatch.context() as broken:
        broken.setattr(spool_module, "open_runs", raise_error(errno.EMFILE))
        heir = make_spool()
        heir.adopt()
        assert ids(heir) == []
    later = make_spool()
    assert later.adopt()
    assert ids(later) == ["e1"]


def test_two_workers_may_release_the_same_segment(
    make_spool: MakeSpool, line: MakeLine, tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    for _ in range(20):
        spool.put(Lane.STANDARD, line())
    folder = spool.writer.folder
    assert folder is not None
    real = Segment.unlink

    def meanwhile(self: Segment) -> None:
        monkeypatch.setattr(Segment, "unlink", real)
        folder.release_segments()
        real(self)

    monkeypatch.setattr(Segment, "unlink", meanwhile)
    spool.outboxes["sink"].settle(ids(spool))
    assert spool.outboxes["sink"].pending() == 0


def test_a_bound_that_cannot_be_kept_reaches_no_caller(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    monkeypatch.setattr(spool_module, "make_room", raise_error(errno.EMFILE))
    spool.put(Lane.STANDARD, line())
    spool.writer.standard.room = -1
    assert spool.put(Lane.STANDARD, line())


def test_a_sink_has_one_cursor_in_a_folder_whoever_asks_first(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    folder = spool.writer.folder
    assert folder is not None
    real = Cursor.load
    seen: list[Cursor] = []

    def slow(path: Path) -> Cursor:
        monkeypatch.setattr(Cursor, "load", real)
        seen.append(folder.cursor("sink"))
        return real(path)

    monkeypatch.setattr(Cursor, "load", slow)
    assert folder.cursor("sink") is seen[0]


def test_counting_what_waits_leaves_no_descriptor_open(
    make_spool: MakeSpool, line: MakeLine, tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "MOST_OPEN", 2)
    spool = make_spool()
    for _ in range(200):
        spool.put(Lane.STANDARD, line())
    before = open_descriptors()
    assert spool.outboxes["sink"].pending() == 200
    assert open_descriptors() == before


def test_only_so_many_folders_are_adopted_at_a_time(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "MOST_ADOPTED", 2)
    for _ in range(5):
        old = make_spool()
        old.put(Lane.STANDARD, line())
        crash(old)
    heir = make_spool()
    seen: set[str] = set()
    while heir.adopt():
        assert len(heir.folders()) <= 2
        new = ids(heir)
        heir.outboxes["sink"].settle(new)
        seen.update(new)
        ids(heir)
    assert seen == {f"e{n}" for n in range(1, 6)}


def test_a_folder_left_alone_is_looked_at_again_for_a_later_sink(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    old = make_spool("late")
    old.put(Lane.STANDARD, line())
    crash(old)
    heir = make_spool("early")
    heir.outbox("late")
    assert not heir.adopt()
    heir.sink_is_live("late", "there")
    assert heir.adopt()
    assert ids(heir, "late") == ["e1"]


def test_a_cursor_never_goes_before_its_records(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.outboxes["sink"].settle(ids(spool))
    with monkeypatch.context() as killed:
        killed.setattr(folder_module.Folder, "_remove_the_rest", lambda _self: None)
        killed.setattr(OwnerLock, "remove", OwnerLock.release)
        spool.close()
    heir = make_spool()
    heir.adopt()
    assert ids(heir) == []


def test_a_cursor_that_cannot_be_read_for_a_moment_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.log"
    Cursor(path).save()
    with monkeypatch.context() as broken:
        broken.setattr(type(path), "read_bytes", raise_error(errno.EMFILE))
        with pytest.raises(OSError, match="open files"):
            Cursor.load(path)
    assert path.exists()


def test_a_lock_file_that_was_tidied_away_is_made_again(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    folder = spool.writer.folder
    assert folder is not None
    before = folder.path
    folder.lock.path.unlink()
    spool.tick()
    assert folder.path == before
    assert not OwnerLock(folder.lock.path).acquire()
    assert not make_spool().adopt()


def test_the_interval_syncs_what_was_rolled_away_too(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(sync_module, "sync_data", lambda fd: synced.append(os.fstat(fd).st_ino))
    monkeypatch.setattr(segment_module, "sync_data", lambda fd: synced.append(os.fstat(fd).st_ino))
    spool = make_spool(durability="interval")
    spool.put(Lane.STANDARD, line())
    spool.writer.standard.room = -1
    spool.put(Lane.STANDARD, line())
    spool.sync()
    folder = spool.writer.folder
    assert folder is not None
    assert {os.stat(s.path).st_ino for s in folder.all_segments()} <= set(synced)


def test_the_interval_calls_for_the_disk_at_every_256th_record(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    calls: list[None] = []
    spool = make_spool(durability="interval", sync_due=lambda: calls.append(None))
    for _ in range(255):
        spool.put(Lane.STANDARD, line())
    assert not calls
    spool.put(Lane.STANDARD, line())
    assert calls


def test_what_only_a_sink_taken_away_is_owed_is_aged_out(
    make_spool: MakeSpool, line: MakeLine, telemetry_clock: FakeClock
) -> None:
    old = make_spool("gone")
    old.put(Lane.STANDARD, line())
    path = crash(old)
    newest = next(path.glob("*.seg")).stat().st_mtime_ns
    telemetry_clock.set_wall(newest + 15 * NS_PER_DAY)
    heir = make_spool("other")
    heir.adopt()
    heir.tick()
    assert not path.exists()
    assert heir.dropped("gone") == 1


def test_a_handler_may_count_and_close_while_its_thread_reads(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    real = os.pread

    def interrupted(*arguments: Any) -> bytes:
        monkeypatch.setattr(os, "pread", real)
        signal.raise_signal(signal.SIGUSR1)
        return real(*arguments)

    before = signal.signal(signal.SIGUSR1, lambda *_: spool.outboxes["sink"].pending() and None)
    try:
        monkeypatch.setattr(os, "pread", interrupted)
        assert spool.outboxes["sink"].pending() == 1
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_closing_waits_for_the_care_of_the_folders_only_so_long(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "PATIENCE", 0.01)
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    with spool._caring:
        spool.close()
    assert spool.writer.folder is None


def test_a_roll_that_fails_halfway_is_made_up_for(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    with monkeypatch.context() as broken:
        broken.setattr(os, "dup", raise_error(errno.EMFILE))
        spool.writer.standard.room = -1
        assert spool.put(Lane.STANDARD, line())
    spool.writer.standard.room = -1
    assert spool.put(Lane.STANDARD, line())
    assert spool.put(Lane.STANDARD, line())
    segment = spool.writer.standard.segment
    assert segment is not None
    assert segment.number > 1
    assert ids(spool) == ["e1", "e2", "e3", "e4"]


def test_a_file_system_without_locks_costs_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "try_lock", raise_error(errno.ENOLCK))
    before = open_descriptors()
    for _ in range(10):
        with pytest.raises(OSError, match="locks"):
            OwnerLock(tmp_path / "l").acquire()
    assert open_descriptors() == before


def test_always_syncs_the_directories_it_makes(
    tmp_path: Path, telemetry_clock: FakeClock, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(writer_module, "sync_directory", synced.append)
    spool = spool_module.Spool(tmp_path / "base", "svc", clock=telemetry_clock, durability="always")
    spool.outbox("sink")
    spool.put(Lane.STANDARD, line())
    assert {tmp_path, tmp_path / "base"} <= set(synced)
    spool.close()


def test_a_copy_that_fails_is_made_again(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    shutil.rmtree(tmp_path / "spool")
    before = open_descriptors()
    with monkeypatch.context() as full:
        full.setattr(os, "replace", raise_error(errno.ENOSPC))
        spool.tick()
    spool.tick()
    spool.tick()
    assert ids(spool) == ["e1"]
    assert open_descriptors() <= before + 4


@pytest.mark.parametrize("durability", ["process", "interval", "always"])
@pytest.mark.parametrize("synced", [True, False])
def test_a_program_that_ends_saves_what_was_in_a_removed_folder(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path, durability: str, synced: bool
) -> None:
    spool = make_spool(durability=durability)
    spool.put(Lane.STANDARD, line())
    if synced:
        spool.sync()
    shutil.rmtree(tmp_path / "spool")
    spool.close()
    heir = make_spool()
    heir.adopt()
    assert ids(heir) == ["e1"]


def test_a_damaged_line_counts_as_lost_and_a_torn_one_does_not(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.writer.standard.write(frame(line()).replace(b"happened", b"hAppened"))
    spool.writer.standard.write(b'0badc0de {"kind":"ev')
    spool.put(Lane.STANDARD, line())
    assert ids(spool) == ["e1", "e3"]
    assert spool.dropped("sink") == 1


def test_threads_that_roll_and_release_at_once_lose_and_double_nothing(
    make_spool: MakeSpool, line: MakeLine, tiny: None
) -> None:
    sinks = ("a", "b", "c")
    spool = make_spool(*sinks)
    done = threading.Event()
    got: dict[str, list[str]] = {sink: [] for sink in sinks}

    def deliver(sink: str) -> None:
        while True:
            last = done.is_set()
            new = ids(spool, sink, limit=50)
            got[sink] += new
            spool.outboxes[sink].settle(new)
            spool.tick()
            if last and not new:
                return

    threads = [threading.Thread(target=deliver, args=(sink,)) for sink in sinks]
    for thread in threads:
        thread.start()
    for number in range(3_000):
        spool.put(Lane.STANDARD, line(f"n{number}"))
    done.set()
    for thread in threads:
        thread.join()
    assert got == {sink: [f"n{number}" for number in range(3_000)] for sink in sinks}


def test_an_appender_stays_where_it_is_when_it_cannot_move(tmp_path: Path) -> None:
    appender = Appender()
    first = Segment(tmp_path / "1", Lane.STANDARD, 1)
    appender.move_to(first, first.create())
    assert appender.append(b"{}")
    with pytest.raises(FileExistsError):
        Segment(tmp_path / "1", Lane.STANDARD, 1).create()
    assert appender.append(b"{}")
    appender.shut()
    first.close()


def test_what_is_not_ours_in_the_spool_stays(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path
) -> None:
    strangers = ["notes/keep.txt", "mail/user", "cafebabe/keep.txt"]
    for name in strangers:
        path = tmp_path / "spool" / name
        path.parent.mkdir(parents=True)
        path.write_text("mine")
    (tmp_path / "spool" / "mine.lock").touch()
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.adopt()
    spool.outboxes["sink"].settle(ids(spool))
    spool.tick()
    spool.close()
    assert all((tmp_path / "spool" / name).read_text() == "mine" for name in strangers)
    assert (tmp_path / "spool" / "mine.lock").exists()


def test_a_file_that_somebody_put_into_our_folder_stays(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.outboxes["sink"].settle(ids(spool))
    folder = spool.writer.folder
    assert folder is not None
    (folder.path / "keep.txt").write_text("mine")
    spool.close()
    assert [path.name for path in folder.path.iterdir()] == ["keep.txt"]
    assert not make_spool().adopt()


def test_a_wholly_damaged_segment_is_said_once_and_kept_in_one_file(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = make_spool("one", "two")
    spool.put(Lane.STANDARD, line())
    for number in range(50):
        spool.writer.standard.write(b"garbage %d\n" % number)
    spool.put(Lane.STANDARD, line())
    assert ids(spool, "one") == ids(spool, "two") == ["e1", "e2"]
    (kept,) = (tmp_path / "damaged").iterdir()
    assert kept.read_bytes().count(b"garbage") == 50
    assert caplog.text.count("damaged lines") == 1


def test_an_owner_that_is_no_file_is_set_aside(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path
) -> None:
    old = make_spool()
    old.put(Lane.STANDARD, line())
    path = crash(old)
    (path / "owner.json").unlink()
    (path / "owner.json").mkdir()
    heir = make_spool()
    assert heir.adopt()
    assert ids(heir) == ["e1"]
    assert [p.name.partition(".corrupt")[0] for p in (tmp_path / "damaged").iterdir()] == [
        f"{path.name}-owner.json"
    ]


def test_cursors_that_a_power_loss_parted_from_their_segments_are_tidied_away(
    make_spool: MakeSpool, tmp_path: Path
) -> None:
    cursors = tmp_path / "spool" / "00000abc" / "cursors"
    cursors.mkdir(parents=True)
    (cursors / "sink.log").write_bytes(b"")
    (cursors / "sink.log.1-2.tmp").write_bytes(b"")
    make_spool().adopt()
    assert not cursors.parent.exists()


def test_a_cursor_that_was_tidied_away_is_written_again(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    for number in range(3):
        spool.put(Lane.STANDARD, line())
        spool.outboxes["sink"].settle(ids(spool))
        if number == 1:
            assert spool.writer.folder is not None
            (spool.writer.folder.path / "cursors" / "sink.log").unlink()
            spool.tick()
    crash(spool)
    heir = make_spool()
    heir.adopt()
    assert ids(heir) == []


def test_a_folder_that_cannot_be_adopted_for_a_moment_is_adopted_later(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_spool()
    old.put(Lane.STANDARD, line())
    crash(old)
    heir = make_spool()
    with monkeypatch.context() as broken:
        broken.setattr(folder_module.Folder, "open", raise_error(errno.EMFILE))
        assert not heir.adopt()
    assert heir.adopt()
    assert ids(heir) == ["e1"]
