"""Appending: one write a record, what a roll and a refused write do, where records lie."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from telemetry_core.delivery.spool import segment as segment_module
from telemetry_core.delivery.spool.segment import Appender
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.files import AppendFile
from telemetry_core.records import Kind, Lane, Record

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock

MakeSpool = Callable[..., Spool]
MakeLine = Callable[..., bytes]


def folders(base: Path) -> list[Path]:
    return sorted(path for path in (base / "spool").iterdir() if path.is_dir())


def taken(spool: Spool, sink: str = "sink") -> list[str]:
    return [record.id for record in everything(spool, sink)]


def everything(spool: Spool, sink: str = "sink") -> list[Record]:
    records: list[Record] = []
    while more := spool.outboxes[sink].take(100, 1 << 20):
        records += more
    return records


def test_a_record_is_one_line_with_its_checksum(
    make_spool: MakeSpool, tmp_path: Path, line: MakeLine
) -> None:
    text = line()
    assert make_spool().put(Lane.STANDARD, text)
    (segment,) = (tmp_path / "spool").rglob("*.seg")
    assert segment.read_bytes() == b"%08x %b\n" % (crc32(text), text)


def test_folder_lock_and_files_have_the_names_and_rights_of_the_format(
    make_spool: MakeSpool, tmp_path: Path, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.put(Lane.CRITICAL, line())
    (folder,) = folders(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{8}", folder.name)
    assert folder.with_name(folder.name + ".lock").exists()
    assert {path.name for path in folder.iterdir()} == {
        "owner.json",
        "cursors",
        "critical-000001.seg",
        "standard-000001.seg",
    }
    assert (tmp_path / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "owner.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "standard-000001.seg").stat().st_mode) == 0o600


def test_the_base_directory_is_made_private(
    tmp_path: Path, telemetry_clock: FakeClock, line: MakeLine
) -> None:
    spool = Spool(tmp_path / "new" / "base", "svc", clock=telemetry_clock)
    spool.outbox("sink")
    spool.put(Lane.STANDARD, line())
    assert stat.S_IMODE((tmp_path / "new" / "base").stat().st_mode) == 0o700


def test_a_full_segment_rolls_and_readers_go_on_in_the_next(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 500)
    spool = make_spool()
    for _ in range(30):
        spool.put(Lane.STANDARD, line())
    assert len(list((tmp_path / "spool").rglob("standard-*.seg"))) > 3
    assert taken(spool) == [f"e{n}" for n in range(1, 31)]


def test_a_settled_segment_is_deleted_and_the_growing_one_stays(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 500)
    spool = make_spool()
    for _ in range(30):
        spool.put(Lane.STANDARD, line())
    spool.outboxes["sink"].settle(taken(spool))
    assert len(list((tmp_path / "spool").rglob("*.seg"))) == 1


def test_a_segment_stays_until_every_owed_sink_is_past_it(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 500)
    spool = make_spool("fast", "slow")
    for _ in range(30):
        spool.put(Lane.STANDARD, line())
    before = len(list((tmp_path / "spool").rglob("*.seg")))
    spool.outboxes["fast"].settle(taken(spool, "fast"))
    assert len(list((tmp_path / "spool").rglob("*.seg"))) == before
    assert len(taken(spool, "slow")) == 30


def test_a_thread_that_holds_the_old_segment_over_a_roll_loses_nothing(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    late = spool.writer.standard.write  # as a thread that was interrupted before its write
    spool.writer.standard.room = -1
    spool.put(Lane.STANDARD, line())
    spool.put(Lane.STANDARD, line())
    outbox = spool.outboxes["sink"]
    outbox.settle([record.id for record in outbox.take(10, 1 << 20)])
    text = line("late")
    late(b"%08x %b\n" % (crc32(text), text))
    del late
    assert "late" in taken(spool)


def test_a_short_write_leaves_the_segment_and_loses_no_record(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    appender = spool.writer.standard
    appender.write = partial(write_ten_bytes, appender.write)
    assert spool.put(Lane.STANDARD, line())
    assert spool.put(Lane.STANDARD, line())
    assert taken(spool) == ["e1", "e2", "e3"]


def write_ten_bytes(write: Callable[[bytes], int], data: bytes) -> int:
    return write(data[:10])


def test_a_record_behind_a_torn_one_is_found_on_the_same_line(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.writer.standard.write(b'0badc0de {"kind":"ev')
    spool.put(Lane.STANDARD, line())
    assert taken(spool) == ["e1", "e2"]


def test_without_a_disk_records_wait_in_memory_and_are_poured_back(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spool = make_spool("one", "two")
    with monkeypatch.context() as broken:
        broken.setattr(os, "mkdir", refuse)
        for _ in range(3):
            assert spool.put(Lane.STANDARD, line())
        one = spool.outboxes["one"]
        one.settle([record.id for record in one.take(2, 1 << 20)])
        spool.tick()
        assert not list(tmp_path.rglob("*.seg"))
    spool.tick()
    assert spool.writer.overflow is None
    assert taken(spool, "one") == ["e3"]
    assert taken(spool, "two") == ["e1", "e2", "e3"]


def refuse(*_arguments: Any, **_keywords: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_up_costs_nothing_that_memory_can_hold(
    make_spool: MakeSpool, line: MakeLine, telemetry_clock: FakeClock
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    real = spool.writer.standard.write
    spool.writer.standard.write = refuse
    assert spool.put(Lane.STANDARD, line())
    spool.writer.standard.write = real
    del real
    telemetry_clock.advance(2)
    spool.tick()
    assert sorted(taken(spool)) == ["e1", "e2"]


def test_memory_is_bounded_and_what_it_refuses_is_counted(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "mkdir", refuse)
    spool = make_spool()
    big = line(payload="x" * 9_000_000)
    assert spool.put(Lane.STANDARD, big)
    assert not spool.put(Lane.STANDARD, big)
    assert spool.writer.not_accepted == 1


def test_a_removed_folder_is_made_anew_with_what_was_unread(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 500)
    spool = make_spool()
    for _ in range(10):
        spool.put(Lane.STANDARD, line())
    outbox = spool.outboxes["sink"]
    outbox.settle([record.id for record in outbox.take(3, 1 << 20)])
    shutil.rmtree(tmp_path / "spool")
    spool.put(Lane.STANDARD, line())
    spool.tick()
    spool.tick()
    spool.put(Lane.STANDARD, line())
    crashed = make_spool("other")  # what a later process finds is complete
    assert taken(spool) == [f"e{n}" for n in range(4, 13)]
    spool.writer.shut()
    assert spool.writer.folder is not None
    spool.writer.folder.close()
    heir = make_spool()
    heir.adopt()
    assert taken(heir) == [f"e{n}" for n in range(4, 13)]
    assert crashed.writer.folder is None


def test_one_removed_segment_is_copied_back(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    next((tmp_path / "spool").rglob("*.seg")).unlink()
    spool.tick()
    spool.put(Lane.STANDARD, line())
    spool.tick()
    files = list((tmp_path / "spool").rglob("*.seg"))
    assert sum(file.read_bytes().count(b"\n") for file in files) == 2
    assert taken(spool) == ["e1", "e2"]


def test_many_threads_write_whole_records_through_many_rolls(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 5_000)
    spool = make_spool()
    lines = [[line(f"t{t}-{n}") for n in range(200)] for t in range(8)]
    threads = [
        threading.Thread(target=lambda mine: [spool.put(Lane.STANDARD, x) for x in mine], args=(m,))
        for m in lines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken(spool)) == sorted(f"t{t}-{n}" for t in range(8) for n in range(200))


def test_a_signal_handler_may_record_while_the_program_opens_and_rolls(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool()
    real = Appender.move_to

    def interrupted(self: Appender, *arguments: Any) -> None:
        signal.raise_signal(signal.SIGUSR1)
        real(self, *arguments)
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: spool.put(Lane.STANDARD, line()) and None)
    try:
        monkeypatch.setattr(Appender, "move_to", interrupted)
        spool.put(Lane.STANDARD, line("first"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    spool.tick()
    assert sorted(taken(spool)) == ["e2", "e3", "first"]


def test_always_syncs_before_the_call_returns(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(segment_module, "sync_data", synced.append)
    spool = make_spool(durability="always")
    spool.put(Lane.STANDARD, line())
    spool.put(Lane.STANDARD, line())
    assert len(synced) == 2


def test_a_new_critical_segment_begins_with_the_preface(
    make_spool: MakeSpool, run_line: MakeLine
) -> None:
    spool = make_spool(preface=lambda: [run_line("open")])
    spool.put(Lane.CRITICAL, run_line("open"))
    spool.writer.critical.room = -1
    spool.put(Lane.CRITICAL, run_line("other", Kind.END_RUN))
    segment = spool.writer.critical.segment
    assert segment is not None
    assert segment.number == 2
    assert b"start_run-open" in segment.read(0, 1000)


def test_the_file_of_a_segment_closes_itself_in_silence(tmp_path: Path) -> None:
    file = AppendFile(os.fspath(tmp_path / "f"), "a+b")
    descriptor = file.fileno()
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
