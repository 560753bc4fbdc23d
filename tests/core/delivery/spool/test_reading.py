"""Reading never stops: what is torn, damaged or foreign is passed over, counted and kept aside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.delivery.spool import reader as reader_module
from telemetry_core.delivery.spool import segment as segment_module
from telemetry_core.delivery.spool.cursor import MOST_BYTES, Cursor, Position
from telemetry_core.delivery.spool.frame import frame, unframe
from telemetry_core.delivery.spool.segment import Segment
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.files import AppendFile
from telemetry_core.records import Kind, Lane
from tests.core.delivery.spool.conftest import crash, ids

if TYPE_CHECKING:
    from pathlib import Path

MakeSpool = Callable[..., Spool]
MakeLine = Callable[..., bytes]


def cursor_of(tmp_path: Path, sink: str = "sink") -> Path:
    return next((tmp_path / "spool").rglob(f"cursors/{sink}.log"))


def test_critical_records_come_first(
    make_spool: MakeSpool, line: MakeLine, run_line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.put(Lane.CRITICAL, run_line("r"))
    assert ids(spool) == ["start_run-r", "e1"]


def test_a_take_reads_on_and_keeps_to_its_limits(make_spool: MakeSpool, line: MakeLine) -> None:
    spool = make_spool()
    for _ in range(5):
        spool.put(Lane.STANDARD, line())
    assert ids(spool, limit=2) == ["e1", "e2"]
    assert ids(spool, max_bytes=1) == ["e3"]
    assert ids(spool) == ["e4", "e5"]
    assert ids(spool) == []


def test_the_cursor_moves_over_contiguous_records_and_remembers_the_others(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path
) -> None:
    spool = make_spool()
    lines = [line() for _ in range(4)]
    for text in lines:
        spool.put(Lane.STANDARD, text)
    ids(spool)
    spool.outboxes["sink"].settle(["e1", "e3"])
    *_earlier, last = cursor_of(tmp_path).read_bytes().splitlines()
    stored = json.loads(unframe(last) or b"")
    assert stored["positions"]["standard"] == [1, len(frame(lines[0]))]
    assert stored["settled"]["standard"] == ["e3"]
    assert spool.outboxes["sink"].pending() == 2


def test_asking_for_a_few_does_not_read_all_that_waits(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 500)
    read: list[int] = []
    monkeypatch.setattr(Segment, "read", _noting_the_number(read, Segment.read))
    spool = make_spool()
    for _ in range(30):
        spool.put(Lane.STANDARD, line())
    ids(spool)
    spool.outboxes["sink"].settle(["e2"])
    assert [spool.outboxes["sink"].pending(n) for n in (0, 1, 28, 40)] == [0, 1, 28, 29]
    read.clear()
    assert spool.outboxes["sink"].pending(1) == 1
    assert set(read) == {1}


def _noting_the_number(read: list[int], original: Callable[..., bytes]) -> Callable[..., bytes]:
    def noting(segment: Segment, *args: Any, **options: Any) -> bytes:
        read.append(segment.number)
        return original(segment, *args, **options)

    return noting


def test_what_is_settled_beyond_the_cursor_does_not_come_again_after_a_crash(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    for _ in range(4):
        spool.put(Lane.STANDARD, line())
    ids(spool)
    spool.outboxes["sink"].settle(["e2", "e3"])
    crash(spool)
    heir = make_spool()
    heir.adopt()
    assert ids(heir) == ["e1", "e4"]


def test_a_torn_tail_is_waited_for_while_the_owner_lives(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    whole = frame(line())
    spool.writer.standard.write(whole[:20])
    assert ids(spool) == ["e1"]
    spool.writer.standard.write(whole[20:])
    assert ids(spool) == ["e2"]


def test_a_torn_tail_is_ignored_once_its_owner_is_gone(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.writer.standard.write(b'0badc0de {"kind"')
    crash(spool)
    heir = make_spool()
    heir.adopt()
    assert ids(heir) == ["e1"]
    heir.outboxes["sink"].settle(["e1"])
    ids(heir)
    heir.tick()
    assert not list((tmp_path / "spool").glob("*.lock"))
    assert heir.torn == 1


def test_a_damaged_line_is_set_aside_and_the_rest_goes_on(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.writer.standard.write(frame(line()).replace(b"happened", b"hAppened"))
    spool.put(Lane.STANDARD, line())
    assert ids(spool) == ["e1", "e3"]
    (kept,) = (tmp_path / "damaged").iterdir()
    assert b"hAppened" in kept.read_bytes()
    assert "damaged lines" in caplog.text


def test_a_line_with_a_right_checksum_that_is_no_record_is_set_aside_too(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, b'{"kind":"from the future"}')
    spool.put(Lane.STANDARD, line())
    assert ids(spool) == ["e1"]
    assert len(list((tmp_path / "damaged").iterdir())) == 1


def test_a_segment_of_zeros_stops_nobody(make_spool: MakeSpool, line: MakeLine) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.writer.standard.write(bytes(5_000))
    spool.put(Lane.STANDARD, line())
    assert ids(spool) == ["e1", "e2"]


def test_a_record_larger_than_a_chunk_is_read_whole(
    make_spool: MakeSpool, line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "CHUNK", 64)
    spool = make_spool()
    spool.put(Lane.STANDARD, line(payload="x" * 5_000_000))
    spool.put(Lane.STANDARD, line())
    assert ids(spool) == ["e1"]
    assert ids(spool) == ["e2"]


def test_repetitions_are_for_the_next_reader_of_the_folder_only(
    make_spool: MakeSpool, run_line: MakeLine
) -> None:
    spool = make_spool()
    spool.put(Lane.CRITICAL, run_line("r")[:-1] + b',"repeat":true}')
    spool.put(Lane.CRITICAL, run_line("r", Kind.END_RUN))
    assert ids(spool) == ["end_run-r"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"positions": 1}', b"\xff\x00", b"null"])
def test_a_corrupt_cursor_is_set_aside_and_starts_at_the_beginning(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "spool" / "0badcafe" / "cursors" / "sink.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert Cursor.load(path).positions == dict.fromkeys(Lane, Position())
    assert not path.exists()
    assert len(list((tmp_path / "damaged").iterdir())) == 1
    assert "corrupt" in caplog.text


def test_a_cursor_survives_being_written_and_read(tmp_path: Path) -> None:
    cursor = Cursor(tmp_path / "c.log")
    cursor.positions[Lane.CRITICAL] = Position(3, 77)
    cursor.settled[Lane.STANDARD] = {"a", "b"}
    assert cursor.save()
    assert Cursor.load(tmp_path / "c.log") == cursor


def saved(cursor: Cursor, times: int) -> Cursor:
    for _ in range(times):
        segment, offset = cursor.positions[Lane.STANDARD]
        cursor.positions[Lane.STANDARD] = Position(segment + 1, offset + 1000)
        assert cursor.save()
    return cursor


@pytest.mark.parametrize("torn", [b"0", b"00000000 {}", b"\x00" * 512, b"\xff\n", b"null\n{}\n"])
def test_of_a_cursor_the_last_whole_line_counts(torn: bytes, tmp_path: Path) -> None:
    cursor = saved(Cursor(tmp_path / "c.log"), 3)
    with cursor.path.open("ab") as file:
        file.write(torn)
    assert Cursor.load(cursor.path) == cursor


def test_a_cursor_goes_on_in_a_new_file_before_the_old_one_is_large(tmp_path: Path) -> None:
    cursor = Cursor(tmp_path / "c.log")
    sizes = [saved(cursor, 1).path.stat().st_size for _ in range(1000)]
    assert max(sizes) <= MOST_BYTES
    assert min(sizes[1:]) < MOST_BYTES // 100
    assert Cursor.load(cursor.path) == cursor


def test_a_cursor_whose_line_was_cut_short_begins_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = saved(Cursor(tmp_path / "c.log"), 2)
    with monkeypatch.context() as full:
        full.setattr(AppendFile, "write", lambda file, line: os.write(file.fileno(), line[:20]))
        saved(cursor, 1)
    assert saved(cursor, 1) == Cursor.load(cursor.path)
    assert len(cursor.path.read_bytes().splitlines()) == 2


def test_a_cursor_moves_with_its_folder(tmp_path: Path) -> None:
    cursor = saved(Cursor(tmp_path / "c.log"), 2)
    cursor.move_to(tmp_path / "d.log")
    assert saved(cursor, 2) == Cursor.load(tmp_path / "d.log")


def test_a_cursor_that_cannot_be_written_raises_nothing(
    make_spool: MakeSpool, line: MakeLine, tmp_path: Path
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    ids(spool)
    assert spool.writer.folder is not None
    (spool.writer.folder.path / "cursors").rmdir()
    spool.outboxes["sink"].settle(["e1"])
    assert ids(spool) == []
    assert spool.outboxes["sink"].pending() == 0
