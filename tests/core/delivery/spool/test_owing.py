"""Who is owed what, who adopts it, and what is dropped when there is no room or no hope."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from telemetry_core.clock import NS_PER_DAY
from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool import adoption as adoption_module
from telemetry_core.delivery.spool import segment as segment_module
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.mock_sink import MOCKED
from telemetry_core.records import Kind, Lane
from tests.core.delivery.spool.conftest import crash, ids

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock

    from telemetry_core.models import RunRecord

MakeSpool = Callable[..., Spool]
MakeLine = Callable[..., bytes]


def leftovers(base: Path) -> list[str]:
    return sorted(p.name for p in (base / "spool").iterdir() if not p.name.startswith("."))


def edit_owner(folder: Path, **changes: object) -> None:
    path = folder / "owner.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def orphan(make_spool: MakeSpool, line: MakeLine) -> Path:
    """Return the folder of a process that died with two records."""
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    spool.put(Lane.STANDARD, line())
    return crash(spool)


def test_the_owner_names_the_sinks_with_their_destination(
    make_spool: MakeSpool, line: MakeLine
) -> None:
    spool = make_spool("one", "two", destination="https://there")
    spool.put(Lane.STANDARD, line())
    assert spool.writer.folder is not None
    owner = json.loads((spool.writer.folder.path / "owner.json").read_text())
    assert owner["owed"] == {"one": "https://there", "two": "https://there"}
    assert owner["pid"] == os.getpid()
    assert owner["service"] == "svc"
    assert owner["format"] == 1


def test_a_dead_owners_records_are_delivered_and_folder_and_lock_go_last(
    make_spool: MakeSpool, orphan: Path, tmp_path: Path
) -> None:
    heir = make_spool()
    assert heir.adopt()
    assert ids(heir) == ["e1", "e2"]
    heir.tick()
    assert orphan.exists()
    heir.outboxes["sink"].settle(["e1", "e2"])
    ids(heir)
    heir.tick()
    assert leftovers(tmp_path) == []


def test_a_living_owners_folder_is_left_alone(make_spool: MakeSpool, line: MakeLine) -> None:
    owner = make_spool()
    owner.put(Lane.STANDARD, line())
    other = make_spool()
    assert not other.adopt()
    assert ids(other) == []


def test_own_records_come_before_adopted_ones(
    make_spool: MakeSpool, line: MakeLine, orphan: Path
) -> None:
    heir = make_spool()
    heir.put(Lane.STANDARD, line())
    heir.adopt()
    assert ids(heir) == ["e3", "e1", "e2"]


def test_a_record_says_whether_another_client_may_have_shipped_it(
    make_spool: MakeSpool, line: MakeLine, orphan: Path
) -> None:
    heir = make_spool()
    heir.put(Lane.STANDARD, line())
    heir.adopt()
    taken = heir.outboxes["sink"].take(10, 1 << 20)
    assert {record.id: record.copy().adopted for record in taken} == {
        "e3": False,
        "e1": True,
        "e2": True,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"service": "another"},
        {"owed": {"sink": "elsewhere"}},
        {"owed": {"another": "there"}},
    ],
)
def test_only_the_same_service_sink_and_destination_adopt(
    changes: dict[str, object], make_spool: MakeSpool, orphan: Path
) -> None:
    edit_owner(orphan, **changes)
    heir = make_spool()
    assert not heir.adopt()
    assert orphan.exists()


@pytest.mark.parametrize("destination", [None, "there"])
def test_a_mock_takes_nothing_that_was_recorded_for_a_real_sink(
    destination: str | None, make_spool: MakeSpool, orphan: Path
) -> None:
    edit_owner(orphan, owed={"sink": destination})
    assert not make_spool(destination=MOCKED).adopt()


@pytest.mark.parametrize("destination", [None, "there"])
def test_nobody_takes_what_was_recorded_for_a_mock_but_a_mock(
    destination: str | None, make_spool: MakeSpool, orphan: Path
) -> None:
    edit_owner(orphan, owed={"sink": MOCKED})
    assert not make_spool(destination=destination).adopt()
    assert make_spool(destination=MOCKED).adopt()


def test_a_sink_added_later_gets_nothing_recorded_before(
    make_spool: MakeSpool, orphan: Path
) -> None:
    heir = make_spool("sink", "new")
    heir.adopt()
    assert ids(heir, "new") == []
    assert ids(heir) == ["e1", "e2"]


def test_what_is_owed_to_an_absent_sink_stays_for_it(make_spool: MakeSpool, line: MakeLine) -> None:
    spool = make_spool("sink", "absent")
    spool.put(Lane.STANDARD, line())
    folder = crash(spool)
    heir = make_spool("sink")
    heir.adopt()
    heir.outboxes["sink"].settle(ids(heir))
    ids(heir)
    heir.tick()
    assert folder.exists()
    assert not heir.adopt()
    late = make_spool("absent")
    assert late.adopt()
    assert ids(late, "absent") == ["e1"]


def test_what_an_absent_sink_is_owed_too_long_is_dropped_and_counted(
    make_spool: MakeSpool, line: MakeLine, telemetry_clock: FakeClock
) -> None:
    spool = make_spool("sink", "absent")
    spool.put(Lane.STANDARD, line())
    folder = crash(spool)
    newest = next(folder.glob("*.seg")).stat().st_mtime_ns
    telemetry_clock.set_wall(newest + 15 * NS_PER_DAY)
    heir = make_spool("sink")
    heir.adopt()
    assert heir.dropped("absent") == 1
    heir.outboxes["sink"].settle(ids(heir))
    ids(heir)
    heir.tick()
    assert not folder.exists()


def test_an_unknown_format_is_left_alone_and_reported(
    make_spool: MakeSpool, orphan: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit_owner(orphan, format=99)
    assert not make_spool().adopt()
    assert orphan.exists()
    assert "left alone" in caplog.text


def test_a_corrupt_owner_is_set_aside_and_the_records_are_delivered(
    make_spool: MakeSpool, orphan: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (orphan / "owner.json").write_bytes(b'{"format": 1, "pid"')
    heir = make_spool()
    assert heir.adopt()
    assert ids(heir) == ["e1", "e2"]
    assert "corrupt" in caplog.text


def test_after_another_boot_a_folder_must_be_untouched_for_ten_minutes(
    make_spool: MakeSpool, orphan: Path
) -> None:
    edit_owner(orphan, boot_id="another")
    lock = orphan.with_name(orphan.name + ".lock")
    assert not make_spool().adopt()
    old = lock.stat().st_mtime - 601
    os.utime(lock, (old, old))
    assert make_spool().adopt()


def test_a_lock_without_a_folder_is_tidied_away(make_spool: MakeSpool, orphan: Path) -> None:
    shutil.rmtree(orphan)
    make_spool().adopt()
    assert not orphan.with_name(orphan.name + ".lock").exists()


def test_an_owner_touches_its_lock_each_minute(
    make_spool: MakeSpool, line: MakeLine, telemetry_clock: FakeClock
) -> None:
    spool = make_spool()
    spool.put(Lane.STANDARD, line())
    assert spool.writer.folder is not None
    lock = spool.writer.folder.lock.path
    os.utime(lock, (1, 1))
    telemetry_clock.advance(61)
    spool.tick()
    assert lock.stat().st_mtime > 1


def test_open_runs_of_a_dead_process_are_closed_once(
    make_spool: MakeSpool, run_line: MakeLine
) -> None:
    spool = make_spool("sink", "absent")
    spool.put(Lane.CRITICAL, run_line("open", revision=1))
    spool.put(Lane.CRITICAL, run_line("open", Kind.UPDATE_RUN, revision=2, items_failed=3))
    spool.put(Lane.CRITICAL, run_line("done"))
    spool.put(Lane.CRITICAL, run_line("done", Kind.END_RUN, status="success"))
    crash(spool)
    orphans: list[RunRecord] = []
    first = make_spool(on_orphan=lambda run, _last: orphans.append(run))
    first.adopt()
    assert [(run.run_id, run.items_failed) for run in orphans] == [("open", 3)]
    first.close()
    make_spool(on_orphan=lambda run, _last: orphans.append(run)).adopt()
    assert len(orphans) == 1


def test_a_run_that_outlived_its_first_segment_is_still_known_as_open(
    make_spool: MakeSpool, run_line: MakeLine
) -> None:
    repeat = run_line("long")[:-1] + b',"repeat":true}'
    spool = make_spool(preface=lambda: [repeat])
    spool.put(Lane.CRITICAL, run_line("long"))
    spool.writer.critical.room = -1
    spool.put(Lane.CRITICAL, run_line("other"))
    spool.put(Lane.CRITICAL, run_line("other", Kind.END_RUN, status="success"))
    spool.outboxes["sink"].settle(ids(spool))
    ids(spool)
    orphans: list[RunRecord] = []
    folder = crash(spool)
    assert [path.name for path in folder.glob("critical-*")] == ["critical-000002.seg"]
    make_spool(on_orphan=lambda run, _last: orphans.append(run)).adopt()
    assert [run.run_id for run in orphans] == ["long"]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let segments be so small that a few records fill one."""
    monkeypatch.setattr(segment_module, "SEGMENT_BYTES", 500)


def test_beyond_max_bytes_the_oldest_standard_segment_is_dropped_and_counted(
    make_spool: MakeSpool, line: MakeLine, tiny: None
) -> None:
    spool = make_spool(max_bytes=2_000)
    for _ in range(60):
        spool.put(Lane.STANDARD, line())
    left = ids(spool)
    assert left[-1] == "e60"
    assert 0 < len(left) < 30
    assert spool.dropped("sink") == 60 - len(left)


def test_what_is_only_repeated_is_neither_owed_nor_lost(
    make_spool: MakeSpool, run_line: MakeLine, tiny: None
) -> None:
    repeat = run_line("long")[:-1] + b',"repeat":true}'
    spool = make_spool(max_bytes=2_000, preface=lambda: [repeat])
    for number in range(20):
        spool.put(Lane.CRITICAL, run_line(f"r{number}"))
    left = spool.outboxes["sink"].pending()
    assert 0 < left == len(ids(spool)) == 20 - spool.dropped("sink")


def test_critical_records_make_no_room_for_standard_ones(
    make_spool: MakeSpool, line: MakeLine, run_line: MakeLine, tiny: None
) -> None:
    spool = make_spool(max_bytes=2_000)
    for number in range(4):
        spool.put(Lane.CRITICAL, run_line(f"r{number}"))
    for _ in range(60):
        spool.put(Lane.STANDARD, line())
    assert ids(spool)[:4] == [f"start_run-r{number}" for number in range(4)]


def test_room_is_taken_from_adopted_folders_before_ones_own(
    make_spool: MakeSpool, line: MakeLine, tiny: None
) -> None:
    old = make_spool()
    for _ in range(20):
        old.put(Lane.STANDARD, line())
    crash(old)
    heir = make_spool(max_bytes=2_000)
    heir.adopt()
    for _ in range(10):
        heir.put(Lane.STANDARD, line())
    assert {f"e{n}" for n in range(21, 31)} <= set(ids(heir))


def test_a_dropped_record_that_arrives_after_all_is_not_counted_as_lost(
    make_spool: MakeSpool, line: MakeLine, tiny: None
) -> None:
    spool = make_spool(max_bytes=2_000)
    spool.put(Lane.STANDARD, line())
    under_way = ids(spool)
    for _ in range(59):
        spool.put(Lane.STANDARD, line())
    spool.outboxes["sink"].settle(under_way)
    assert spool.dropped("sink") + len(ids(spool)) + len(under_way) == 60


def test_a_lock_is_held_once_and_gone_with_its_holder(tmp_path: Path) -> None:
    one, two = OwnerLock(tmp_path / "l"), OwnerLock(tmp_path / "l")
    assert one.acquire()
    assert not two.acquire()
    one.release()
    assert two.acquire()
    two.remove()
    assert not (tmp_path / "l").exists()


def test_a_lock_on_a_file_that_is_no_longer_at_its_path_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = OwnerLock(tmp_path / "l")
    real = os.open

    def removed_meanwhile(path: str, *arguments: int) -> int:
        descriptor = real(path, *arguments)
        os.unlink(path)
        return descriptor

    monkeypatch.setattr(os, "open", removed_meanwhile)
    assert not lock.acquire()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_that_lets_go_leaves_the_lock_to_its_parent(tmp_path: Path) -> None:
    lock = OwnerLock(tmp_path / "l")
    assert lock.acquire()
    pid = os.fork()
    if pid == 0:
        lock.abandon()
        os._exit(0)
    os.waitpid(pid, 0)
    assert not OwnerLock(tmp_path / "l").acquire()
    lock.release()


def test_ten_minutes_are_ten_minutes() -> None:
    assert adoption_module.UNTOUCHED_NS == 600_000_000_000


def test_a_full_spool_is_said_once_however_much_is_dropped(
    make_spool: MakeSpool, line: MakeLine, tiny: None, caplog: pytest.LogCaptureFixture
) -> None:
    spool = make_spool(max_bytes=2_000)
    for _ in range(60):
        spool.put(Lane.STANDARD, line())
    assert caplog.text.count("the spool is full") == 1
