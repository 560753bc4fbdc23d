"""A batch becomes whole lines in the file of the day, or none at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from telemetry_ndjson import NdjsonSink

from telemetry_core import ConfigError, Receipt, RunRecord, TelemetryClient

if TYPE_CHECKING:
    from pytest_telemetry.clock import FakeClock

    from telemetry_core import TelemetryConfig
    from tests.plugins.ndjson.conftest import BatchOf, EventWith


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in path.read_bytes().splitlines()]


def cycle() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value]
    return value


HOSTILE = {
    "nan": float("nan"),
    "half a surrogate": "\ud800",
    "a cycle": cycle(),
    "deep": nested(3000),
    "a huge number": 10**400,
    "any object": object(),
    "a set": {1, 2},
    "keys of all kinds": {1: 2, None: 3, (4, 5): 6},
    "line feeds": "one\ntwo\r\u2028three",
    "raw text": msgspec.Raw(b'{"not":\n"json'),
}


def test_directories_may_be_given_as_text(tmp_path: Path) -> None:
    assert NdjsonSink(base_dir=str(tmp_path)).destination() == str(tmp_path / "raw")
    assert NdjsonSink(directory=str(tmp_path)).destination() == str(tmp_path)


def test_a_home_in_the_directory_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert NdjsonSink(directory="~/lines").destination() == str(tmp_path / "lines")


def test_the_figures_count_what_was_written(
    sink: NdjsonSink, batch: BatchOf, event: EventWith, today: Path
) -> None:
    sink.ship_batch(batch(event(), event()))
    assert sink.stats() == {"batches": 1, "delivered": 2, "bytes": today.stat().st_size}


def test_a_batch_that_was_not_written_is_not_counted(
    sink: NdjsonSink, batch: BatchOf, event: EventWith, today: Path
) -> None:
    today.mkdir(parents=True)
    with pytest.raises(OSError, match="irectory"):
        sink.ship_batch(batch(event()))
    assert sink.stats() == {"batches": 0, "delivered": 0, "bytes": 0}


def test_a_run_is_written_at_its_start_and_again_at_its_end(
    sink: NdjsonSink, batch: BatchOf, today: Path
) -> None:
    run = RunRecord("run-1", "crawler", "nightly", start_time="2026-01-01T11:59:00+00:00")
    sink.ship_batch(batch(run))
    run.status = "success"
    sink.ship_batch(batch(run))
    assert [line["status"] for line in lines(today)] == ["running", "success"]
    assert {line["record_type"] for line in lines(today)} == {"run"}


def test_each_line_of_a_run_says_when_the_run_was_created(
    sink: NdjsonSink, batch: BatchOf, today: Path
) -> None:
    start = "2026-01-01T11:59:00+00:00"
    for status in ("running", "success"):
        sink.ship_batch(
            batch(RunRecord("r", "crawler", "nightly", status=status, start_time=start))
        )
    assert [line["created_at"] for line in lines(today)] == [start, start]
    assert {line["updated_at"] for line in lines(today)} == {"2026-01-01T12:00:00.000000+00:00"}


def test_times_that_a_run_brings_along_are_kept(
    sink: NdjsonSink, batch: BatchOf, today: Path
) -> None:
    times = {"created_at": "2025-12-31T01:00:00+00:00", "updated_at": "2025-12-31T02:00:00+00:00"}
    sink.ship_batch(batch(RunRecord("run-1", "crawler", "nightly", **times)))  # type: ignore[arg-type]
    assert lines(today)[0].items() >= times.items()


def test_an_event_has_the_fields_that_readers_of_these_files_know(
    sink: NdjsonSink, batch: BatchOf, event: EventWith, today: Path
) -> None:
    sink.ship_batch(batch(event({"url": "/a"}, distinct_id="user-7", context={"os": "linux"})))
    assert lines(today) == [
        {
            "run_id": "run-1",
            "event_type": "page",
            "timestamp": "2026-01-01T12:00:00.000000+00:00",
            "payload_json": '{"url":"/a"}',
            "id": None,
            "event_id": "event-1",
            "distinct_id": "user-7",
            "context": {"os": "linux"},
            "record_type": "event",
        }
    ]


@pytest.mark.parametrize("payload", [None, {}])
def test_an_empty_payload_is_null(
    payload: Any, sink: NdjsonSink, batch: BatchOf, event: EventWith, today: Path
) -> None:
    sink.ship_batch(batch(event(payload)))
    assert lines(today)[0]["payload_json"] is None


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_an_event_holds_becomes_one_line_of_valid_json(
    value: Any, sink: NdjsonSink, batch: BatchOf, event: EventWith, today: Path
) -> None:
    sink.ship_batch(batch(event({"bad": value}, context={"bad": value}), event({"good": 1})))
    bad, good = lines(today)
    assert "bad" in json.loads(bad["payload_json"], parse_constant=pytest.fail)
    assert good["payload_json"] == '{"good":1}'


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_a_run_holds_becomes_one_line_of_valid_json(
    value: Any, sink: NdjsonSink, batch: BatchOf, today: Path
) -> None:
    sink.ship_batch(batch(RunRecord("run-1", "crawler", "nightly", metrics_json={"bad": value})))
    assert [line["run_id"] for line in lines(today)] == ["run-1"]


def test_the_receipt_names_every_record(sink: NdjsonSink, batch: BatchOf, event: EventWith) -> None:
    whole = batch(event(), event(), RunRecord("run-1", "crawler", "nightly"))
    assert sink.ship_batch(whole) == Receipt.all(whole)


def test_the_day_is_the_one_of_writing_also_for_what_happened_before(
    sink: NdjsonSink, batch: BatchOf, event: EventWith, clock: FakeClock
) -> None:
    yesterdays = event()
    clock.advance(12 * 3600)
    sink.ship_batch(batch(yesterdays, event()))
    assert [path.name for path in sink.writer.list_files()] == ["events_20260102.ndjson"]


def test_files_and_the_directories_made_for_them_are_private(
    clock: FakeClock, batch: BatchOf, event: EventWith, tmp_path: Path
) -> None:
    sink = NdjsonSink(directory=tmp_path / "deep" / "down", clock=clock)
    sink.ship_batch(batch(event()))
    made = [tmp_path / "deep", *(tmp_path / "deep").rglob("*")]
    modes = {path.name: path.stat().st_mode & 0o777 for path in made}
    assert modes.pop("deep") == modes.pop("down") == 0o700
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("torn", [b'{"run_id":"r', b'{"run_id":"run-1"}'])
def test_a_line_torn_by_a_crash_spoils_no_other(
    torn: bytes, sink: NdjsonSink, batch: BatchOf, event: EventWith, today: Path
) -> None:
    today.parent.mkdir()
    today.write_bytes(torn)
    sink.ship_batch(batch(event(), event()))
    before, *after = today.read_bytes().splitlines()
    assert before == torn
    assert [json.loads(line)["event_id"] for line in after] == ["event-1", "event-2"]


def test_a_disk_that_takes_only_a_part_of_a_batch_keeps_none_of_it(
    sink: NdjsonSink, batch: BatchOf, event: EventWith, today: Path, tmp_path: Path
) -> None:
    sink.ship_batch(batch(event()))
    before = today.read_bytes()
    program = f"""
import resource
from pathlib import Path
from telemetry_ndjson import NDJSONWriter

writer = NDJSONWriter({str(tmp_path / "raw")!r})
writer.clock.time_ns = lambda: {sink.clock.time_ns()}
room = {len(before) + 500}
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
print(writer.append({{"text": "x" * 1000}}))
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith("(False, '[FAIL] NDJSON write error: [Errno 27]")
    assert today.read_bytes() == before


def test_a_batch_that_cannot_be_synced_is_taken_back(
    sink: NdjsonSink,
    batch: BatchOf,
    event: EventWith,
    today: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sink.ship_batch(batch(event()))
    before = today.read_bytes()

    def broken(descriptor: int) -> None:
        raise OSError(5, "the disk is broken")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="broken"):
        sink.ship_batch(batch(event()))
    assert today.read_bytes() == before


def test_a_batch_is_one_sync_and_a_new_file_can_be_found_before_it(
    sink: NdjsonSink,
    batch: BatchOf,
    event: EventWith,
    today: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    today.parent.mkdir()
    monkeypatch.setattr(os, "fsync", watched)
    sink.ship_batch(batch(event(), event()))
    sink.ship_batch(batch(event(), event()))
    file, *above = (path.stat().st_ino for path in (today, *today.parents))
    names = len(synced) - 2
    assert synced == [*above[:names], file, file]
    assert names >= 2


def test_a_batch_that_failed_can_be_written_again(
    sink: NdjsonSink, batch: BatchOf, event: EventWith, today: Path
) -> None:
    whole = batch(event())
    today.parent.write_bytes(b"in the way")
    with pytest.raises(OSError, match="raw"):
        sink.ship_batch(whole)
    today.parent.unlink()
    sink.ship_batch(whole)
    assert len(lines(today)) == 1


def test_health_says_why_the_directory_cannot_be_used(sink: NdjsonSink, today: Path) -> None:
    today.parent.write_bytes(b"in the way")
    health = sink.check_health()
    assert not health.ok
    assert "raw" in health.message


def test_health_is_good_when_lines_can_be_written(
    sink: NdjsonSink, batch: BatchOf, event: EventWith
) -> None:
    sink.ship_batch(batch(event()))
    health = sink.check_health()
    assert (health.ok, health.message) == (True, "1 daily file")


def test_processes_that_write_at_once_tear_no_line(tmp_path: Path) -> None:
    program = f"""
import sys
from telemetry_ndjson import NDJSONWriter

writer = NDJSONWriter({str(tmp_path)!r})
for count in range(100):
    done, message = writer.append({{"who": sys.argv[1], "count": count, "text": "x" * 9000}})
    assert done, message
"""
    children = [subprocess.Popen([sys.executable, "-c", program, who]) for who in "abc"]
    assert [child.wait() for child in children] == [0, 0, 0]
    written = [line for path in tmp_path.glob("*.ndjson") for line in lines(path)]
    for who in "abc":
        assert [line["count"] for line in written if line["who"] == who] == list(range(100))


def test_construction_touches_no_disk(tmp_path: Path) -> None:
    NdjsonSink(base_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_destination_is_the_directory(tmp_path: Path) -> None:
    assert NdjsonSink(base_dir=tmp_path).destination() == str(tmp_path / "raw")
    assert NdjsonSink(Path("/lines"), base_dir=tmp_path).destination() == "/lines"


def test_without_any_directory_the_error_names_the_setting() -> None:
    with pytest.raises(ConfigError, match="set directory in"):
        NdjsonSink()


@pytest.mark.parametrize("setting", ["compress_after_days", "retention_days"])
def test_today_can_be_neither_compressed_nor_removed(setting: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=setting):
        NdjsonSink(base_dir=tmp_path, **{setting: 0})  # type: ignore[arg-type]


def test_the_core_builds_it_from_a_table_on_its_own_clock(
    telemetry_config: TelemetryConfig, telemetry_clock: FakeClock
) -> None:
    telemetry_config.active = ("ndjson",)
    telemetry_config.plugins = {"ndjson": {"compress_after_days": 1, "retention_days": 30}}
    with TelemetryClient(telemetry_config, clock=telemetry_clock) as client:
        client.capture("signed_up")
    raw = telemetry_config.base_dir / "raw"
    assert [path.name for path in raw.glob("*.ndjson")] == ["events_20260101.ndjson"]


def test_it_stands_behind_its_entry_point() -> None:
    (found,) = entry_points(group="telemetry_core", name="ndjson")
    assert found.load() is NdjsonSink


def test_importing_it_imports_neither_filelock_nor_gzip() -> None:
    code = "import sys, telemetry_ndjson; print({'filelock', 'gzip'} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
