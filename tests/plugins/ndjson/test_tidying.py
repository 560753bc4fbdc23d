"""Past days are compressed and removed when asked for, and never lost on the way."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from telemetry_ndjson import NdjsonSink, NDJSONWriter
from telemetry_ndjson.tidying import tidy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock

    from tests.plugins.ndjson.conftest import BatchOf, EventWith

DAY = 24 * 3600


def names(writer: NDJSONWriter) -> list[str]:
    return [path.name for path in writer.list_files()]


def test_by_default_the_past_stays_as_it_is(
    sink: NdjsonSink, batch: BatchOf, event: EventWith, clock: FakeClock
) -> None:
    sink.ship_batch(batch(event()))
    clock.advance(1000 * DAY)
    sink.ship_batch(batch(event()))
    assert names(sink.writer) == ["events_20260101.ndjson", "events_20280927.ndjson"]


def test_a_batch_on_a_new_day_compresses_the_past_ones(
    tmp_path: Path, clock: FakeClock, batch: BatchOf, event: EventWith
) -> None:
    sink = NdjsonSink(base_dir=tmp_path, clock=clock, compress_after_days=1)
    sink.ship_batch(batch(event({"n": 1}), event({"n": 2})))
    before = sink.writer.read_file("20260101")
    clock.advance(DAY)
    sink.ship_batch(batch(event()))
    assert names(sink.writer) == ["events_20260101.ndjson.gz", "events_20260102.ndjson"]
    assert sink.writer.read_file("20260101") == before


def test_a_batch_on_a_new_day_removes_what_is_older_than_was_asked_for(
    tmp_path: Path, clock: FakeClock, batch: BatchOf, event: EventWith
) -> None:
    sink = NdjsonSink(base_dir=tmp_path, clock=clock, retention_days=2, compress_after_days=2)
    for _ in range(5):
        sink.ship_batch(batch(event()))
        clock.advance(DAY)
    assert names(sink.writer) == [
        "events_20260103.ndjson.gz",
        "events_20260104.ndjson",
        "events_20260105.ndjson",
    ]


def test_asking_for_health_tidies_too(
    writer: NDJSONWriter, tmp_path: Path, clock: FakeClock
) -> None:
    writer.append({})
    clock.advance(DAY)
    assert NdjsonSink(base_dir=tmp_path, clock=clock, compress_after_days=1).check_health().ok
    assert names(writer) == ["events_20260101.ndjson.gz"]


def test_the_past_is_tidied_once_a_day_by_whoever_comes_first(
    writer: NDJSONWriter, clock: FakeClock, today: Path
) -> None:
    writer.append({})
    clock.advance(DAY)
    tidy(writer, 1, None)
    today.write_bytes(b"{}\n")
    tidy(NDJSONWriter(writer.directory, clock=clock), 1, None)
    assert names(writer) == ["events_20260101.ndjson.gz", "events_20260101.ndjson"]


def test_while_another_tidies_a_batch_is_written_all_the_same(
    tmp_path: Path, clock: FakeClock, batch: BatchOf, event: EventWith, writer: NDJSONWriter
) -> None:
    writer.append({})
    clock.advance(DAY)
    with writer.lock(".tidy.lock"):
        NdjsonSink(base_dir=tmp_path, clock=clock, compress_after_days=1).ship_batch(batch(event()))
    assert names(writer) == ["events_20260101.ndjson", "events_20260102.ndjson"]


def test_lines_that_came_late_join_those_compressed_before(
    writer: NDJSONWriter, clock: FakeClock, today: Path
) -> None:
    writer.append({"early": 1})
    clock.advance(DAY)
    tidy(writer, 1, None)
    today.write_bytes(b'{"late":1}\n')
    clock.advance(DAY)
    tidy(writer, 1, None)
    assert names(writer) == ["events_20260101.ndjson.gz"]
    assert writer.read_file("20260101") == [{"early": 1}, {"late": 1}]


def test_a_crash_before_the_plain_file_went_doubles_no_line(
    writer: NDJSONWriter, clock: FakeClock, today: Path
) -> None:
    writer.append({"once": 1})
    content = today.read_bytes()
    clock.advance(DAY)
    tidy(writer, 1, None)
    today.write_bytes(content)
    clock.advance(DAY)
    tidy(writer, 1, None)
    assert names(writer) == ["events_20260101.ndjson.gz"]
    assert writer.read_file("20260101") == [{"once": 1}]


@pytest.mark.parametrize("damage", [b"no gzip at all", gzip.compress(b"{}\n" * 999, mtime=0)[:-9]])
def test_beside_a_damaged_compressed_file_the_plain_one_stays(
    damage: bytes,
    writer: NDJSONWriter,
    clock: FakeClock,
    today: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    writer.append({"safe": 1})
    today.with_suffix(".ndjson.gz").write_bytes(damage)
    clock.advance(DAY)
    tidy(writer, 1, None)
    assert "look whether events_20260101.ndjson.gz is damaged" in caplog.text
    assert today.with_suffix(".ndjson.gz").read_bytes() == damage
    assert today.read_bytes() == b'{"safe":1}\n'


def test_a_file_that_stays_keeps_no_other_from_its_turn(
    writer: NDJSONWriter, clock: FakeClock, today: Path
) -> None:
    writer.append({})
    today.with_suffix(".ndjson.gz").write_bytes(b"damaged")
    clock.advance(DAY)
    writer.append({})
    clock.advance(DAY)
    tidy(writer, 1, None)
    assert names(writer) == [
        "events_20260101.ndjson.gz",
        "events_20260101.ndjson",
        "events_20260102.ndjson.gz",
    ]


def test_a_file_written_to_meanwhile_is_left_for_another_day(
    writer: NDJSONWriter, clock: FakeClock, today: Path
) -> None:
    class LateWriter(NDJSONWriter):
        @contextmanager
        def lock(self, name: str = ".lock", timeout: float | None = None) -> Iterator[None]:
            with super().lock(name, timeout):
                if name == ".lock":
                    today.write_bytes(today.read_bytes() + b'{"late":1}\n')
                yield

    writer.append({"early": 1})
    clock.advance(DAY)
    tidy(LateWriter(writer.directory, clock=clock), 1, None)
    assert names(writer) == ["events_20260101.ndjson"]
    assert writer.read_file("20260101") == [{"early": 1}, {"late": 1}]
    assert not list(today.parent.glob("*.draft"))


@pytest.mark.parametrize("in_the_way", ["events_20260101.ndjson.gz.draft", ".tidied"])
def test_what_cannot_be_tidied_is_said_and_stops_no_batch(
    in_the_way: str,
    tmp_path: Path,
    clock: FakeClock,
    batch: BatchOf,
    event: EventWith,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = NdjsonSink(base_dir=tmp_path, clock=clock)
    sink.ship_batch(batch(event()))
    (tmp_path / "raw" / in_the_way).mkdir()
    clock.advance(DAY)
    tidying = NdjsonSink(base_dir=tmp_path, clock=clock, compress_after_days=1)
    tidying.ship_batch(batch(event()))
    assert in_the_way in caplog.text
    assert names(sink.writer) == ["events_20260101.ndjson", "events_20260102.ndjson"]


def test_only_daily_files_are_ever_removed(writer: NDJSONWriter, clock: FakeClock) -> None:
    writer.append({})
    notes = writer.directory / "notes_20200101.ndjson"
    notes.write_bytes(b"mine")
    clock.advance(100 * DAY)
    tidy(writer, 1, 1)
    assert names(writer) == []
    assert notes.read_bytes() == b"mine"


def test_days_to_come_are_left_alone(writer: NDJSONWriter, clock: FakeClock) -> None:
    clock.advance(10 * DAY)
    writer.append({})
    clock.set_wall(clock.time_ns() - 5 * DAY * 10**9)
    tidy(writer, 1, 1)
    assert names(writer) == ["events_20260111.ndjson"]
