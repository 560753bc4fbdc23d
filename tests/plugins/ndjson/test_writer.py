"""The writer for direct use: append, read, list, look."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_ndjson import NDJSONWriter

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock


def test_what_is_appended_is_read_back(writer: NDJSONWriter) -> None:
    answer = writer.append({"run_id": "run-1", "items": 3})
    assert answer == (True, "[OK] Wrote to events_20260101.ndjson")
    assert writer.read_file("20260101") == [{"run_id": "run-1", "items": 3}]


def test_a_new_day_begins_a_new_file(writer: NDJSONWriter, clock: FakeClock) -> None:
    writer.append({"day": 1})
    clock.advance(12 * 3600)
    assert writer.append({"day": 2}) == (True, "[OK] Wrote to events_20260102.ndjson")
    assert writer.read_file("20260101") == [{"day": 1}]


@pytest.mark.parametrize("time_ns", [0, -(10**20), 10**25])
def test_no_clock_is_too_wrong_to_write(
    time_ns: int, writer: NDJSONWriter, clock: FakeClock
) -> None:
    clock.set_wall(time_ns)
    assert writer.append({}) == (True, "[OK] Wrote to events_19700101.ndjson")


def test_a_directory_that_cannot_be_made_is_an_answer_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"in the way")
    done, message = NDJSONWriter(tmp_path / "raw" / "deeper").append({})
    assert not done
    assert message.startswith("[FAIL] NDJSON write error: ")


@pytest.mark.parametrize("line", [None, 3, "text", [1, 2]])
def test_what_is_no_mapping_is_refused(line: Any, writer: NDJSONWriter) -> None:
    done, message = writer.append(line)
    assert not done
    assert message.startswith("[FAIL] NDJSON write error: ")
    assert writer.list_files() == []


def test_bad_lines_are_passed_over(writer: NDJSONWriter, today: Path) -> None:
    writer.append({"good": 1})
    with today.open("ab") as file:
        file.write(b'{"torn": \n\xff\xfe\n\n[1, 2]\n"text"\n' + b"[" * 5000 + b"\n")
    writer.append({"good": 2})
    assert writer.read_file("20260101") == [{"good": 1}, {"good": 2}]


@pytest.mark.parametrize("day", ["20250101", "", "yesterday", "../../etc/passwd"])
def test_a_day_without_a_file_is_an_error(day: str, writer: NDJSONWriter) -> None:
    with pytest.raises(FileNotFoundError, match=f"no NDJSON file of {day}"):
        writer.read_file(day)


def test_compressed_lines_are_read_before_those_that_came_late(
    writer: NDJSONWriter, today: Path
) -> None:
    writer.append({"late": 1})
    today.with_suffix(".ndjson.gz").write_bytes(gzip.compress(b'{"early":1}\n'))
    assert writer.read_file("20260101") == [{"early": 1}, {"late": 1}]


def test_files_are_listed_oldest_first_and_strangers_not_at_all(
    writer: NDJSONWriter, today: Path
) -> None:
    writer.append({})
    for name in (
        "events_20251231.ndjson.gz",
        "events_20251231.ndjson",
        "notes.txt",
        "events_1.ndjson",
    ):
        today.with_name(name).touch()
    assert [path.name for path in writer.list_files()] == [
        "events_20251231.ndjson.gz",
        "events_20251231.ndjson",
        "events_20260101.ndjson",
    ]


def test_a_directory_that_does_not_exist_has_no_files(writer: NDJSONWriter) -> None:
    assert writer.list_files() == []


def test_a_file_is_described(writer: NDJSONWriter, today: Path) -> None:
    writer.append({"a": 1})
    writer.append({"b": 2})
    assert writer.get_file_info(str(today)) == {
        "filename": "events_20260101.ndjson",
        "size_bytes": len('{"a":1}\n{"b":2}\n'),
        "line_count": 2,
        "path": str(today),
    }


def test_lines_of_a_compressed_file_are_counted_too(writer: NDJSONWriter, tmp_path: Path) -> None:
    path = tmp_path / "events_20251231.ndjson.gz"
    path.write_bytes(gzip.compress(b"{}\n{}\n{}\n"))
    assert writer.get_file_info(path)["line_count"] == 3


def test_a_missing_file_has_no_description(writer: NDJSONWriter, today: Path) -> None:
    with pytest.raises(FileNotFoundError):
        writer.get_file_info(today)


def test_while_another_holds_the_lock_nothing_is_written(writer: NDJSONWriter) -> None:
    hasty = NDJSONWriter(writer.directory, lock_timeout=0)
    with writer.lock():
        done, message = hasty.append({})
    assert not done
    assert "lock" in message
    assert writer.list_files() == []


def test_the_directory_stays_the_same_when_the_program_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    writer = NDJSONWriter("lines")
    monkeypatch.chdir("/")
    writer.append({})
    assert (tmp_path / "lines").is_dir()
