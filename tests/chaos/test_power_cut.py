"""When the power is cut, what is gone is what the chosen durability said, and no more."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from tests.chaos.file_layer import CHANGES, SYNC, SYNC_NAMES, recorded_changes
from tests.chaos.power_cut import Disk
from tests.chaos.programs import MOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.account import Account
    from tests.chaos.file_layer import Change
    from tests.chaos.stage import Stage

BOTH = ("sqlite", "ndjson")
DELIVERS = """
client = TelemetryClient()
for begin in range(0, 60, 12):
    numbers = range(begin, begin + 12)
    capture(client, numbers)
    confirm(client.flush(60), numbers)
client.close()
"""
WATCHES = """
synced, some = {}, threading.Condition()
base = Path(os.environ["TELEMETRY_BASE_DIR"]).resolve()
def watch(real):
    def sync(descriptor):
        name, size = os.readlink(f"/proc/self/fd/{descriptor}"), os.fstat(descriptor).st_size
        real(descriptor)
        with some:
            synced[name] = size
            some.notify_all()
    return sync
os.fdatasync = watch(os.fdatasync)
def on_disk():
    return all(synced.get(str(path)) == path.stat().st_size for path in base.rglob("*.seg"))
"""
KEEPS = f"""{WATCHES}
client = TelemetryClient()
for begin in range(0, 120, 40):
    numbers = range(begin, begin + 40)
    capture(client, numbers, SIZE)
    with some:
        confirm(some.wait_for(on_disk, 60), numbers)
os._exit(0)
"""
# Its clock stands still, so that either bound is alone: 256 records, and then a second.
KEEPS_WITHIN_ITS_BOUNDS = f"""{WATCHES}
from pytest_telemetry.clock import FakeClock
clock = FakeClock()
client = TelemetryClient(clock=clock)
def not_on_disk():
    beyond = [path.read_bytes()[synced.get(str(path), 0):] for path in base.rglob("*.seg")]
    return sum(content.count(b"\\n") for content in beyond)
def expect(at_most, numbers):
    with some:
        assert some.wait_for(lambda: not_on_disk() <= at_most, 30), numbers
    confirm(True, numbers)
for number in range(1000):
    capture(client, [number])
    expect(255, [number - 255] * (number >= 255))
def after_a_second(numbers):
    clock.wait_for_waiters(2)
    clock.advance(1)
    expect(0, numbers)
after_a_second(range(1000))
for begin in range(1000, 1120, 40):
    numbers = range(begin, begin + 40)
    capture(client, numbers, SIZE)
    after_a_second(numbers)
os._exit(0)
"""
MOST_NOT_SYNCED = 256
LATER = {"TELEMETRY_LINGER": "600"}  # nothing is delivered, so that all depends on the spool
SMALL, LARGE = "0", "110_000"  # with the large ones a segment is full after forty


def played(stage: Stage, source: str, durability: str, **environ: str) -> Stage:
    """Run a program whose changes are written down, and return its stage."""
    environ = {CHANGES: str(stage.home / "changes"), **environ}
    stage.finish(stage.start(source, TELEMETRY_DURABILITY=durability, **environ))
    return stage


def moments(changes: list[Change], tries: int) -> list[int]:
    """Return random moments in ascending order, every second of them right before a sync.

    Most is at stake then. Each file and folder has as many of these as any other.
    """
    syncs: defaultdict[str, list[int]] = defaultdict(list)
    for number, change in enumerate(changes):
        if change.kind in {SYNC, SYNC_NAMES}:
            syncs[change.path].append(number)
    places = list(syncs.values())
    chosen = [random.choice(random.choice(places)) for _ in range(tries // 2)]
    return sorted([*chosen, *random.choices(range(len(changes)), k=tries - len(chosen))])


def cut_at_many_moments(
    stage: Stage,
    tries: int,
    given_up: Callable[[Stage, Account], Account] = lambda _stage, account: account,
    *,
    owners_stay: bool = True,
) -> None:
    """Cut the power at many moments of what a program did, and settle what the disk kept.

    :param given_up: takes off what the durability does not promise.
    :param owners_stay: whether it promises that no `owner.json` is found damaged.
    """
    changes = list(recorded_changes(stage.home / "changes"))
    disk, before = Disk(stage.home), 0
    for moment in moments([change for change, _told in changes], tries):
        seed = random.randrange(1 << 32)
        for change, _told in changes[before:moment]:
            disk.take(change)
        before = moment
        shutil.rmtree(stage.base_dir, ignore_errors=True)
        disk.lay_out(stage.home, random.Random(seed))
        (stage.home / "tally").write_bytes(changes[moment][1].ljust(MOST, b"\0"))
        try:
            stage.conclude(lambda account: given_up(stage, account))
            assert not (owners_stay and list((stage.base_dir / "damaged").glob("*owner*")))
        except AssertionError as error:
            error.add_note(f"cut before change {moment}: {changes[moment][0][:4]}, seed {seed}")
            raise


def what_nobody_confirmed(stage: Stage, account: Account) -> Account:
    """Take off what neither the disk nor a sink had said to have, torn or not there at all."""
    missing = frozenset(account.nowhere) - stage.confirmed()
    return evolve(account, given_up=len(missing), gone=Counter(), set_aside=0)


@pytest.mark.chaos('power cut, durability = "always"', "power cut")
def test_always_loses_nothing_whose_call_returned(
    stages: Callable[..., Stage], whole: bool
) -> None:
    stage = played(stages(*BOTH), DELIVERS, "always")
    cut_at_many_moments(stage, 300 if whole else 6)
    stage = played(stages(), KEEPS.replace("SIZE", LARGE if whole else SMALL), "always", **LATER)
    cut_at_many_moments(stage, 100 if whole else 3)


def what_came_since_the_last_sync(stage: Stage, account: Account) -> Account:
    less = what_nobody_confirmed(stage, account)
    assert less.given_up <= MOST_NOT_SYNCED, f"{less.given_up} are missing"
    return less


@pytest.mark.chaos('power cut, durability = "interval"', "power cut")
def test_interval_loses_a_second_or_256_records_at_most(
    stages: Callable[..., Stage], whole: bool
) -> None:
    source = KEEPS_WITHIN_ITS_BOUNDS.replace("SIZE", LARGE if whole else SMALL)
    stage = played(stages(), source, "interval", **LATER)
    cut_at_many_moments(stage, 200 if whole else 5, what_came_since_the_last_sync)


@pytest.mark.chaos('power cut, durability = "process": what was delivered', "power cut")
def test_process_loses_nothing_that_was_delivered(
    stages: Callable[..., Stage], whole: bool
) -> None:
    stage = played(stages(*BOTH), DELIVERS, "process")
    cut_at_many_moments(stage, 300 if whole else 5, what_nobody_confirmed, owners_stay=False)


@pytest.mark.chaos("power cut while dead letters are written", "power cut")
def test_no_dead_letter_is_lost(stages: Callable[..., Stage], whole: bool) -> None:
    stage = played(stages("picky"), DELIVERS, "always")
    cut_at_many_moments(stage, 300 if whole else 5)


def test_no_power_cut_leaves_a_damaged_database(stages: Callable[..., Stage], whole: bool) -> None:
    stage = played(stages(), DELIVERS, "process")
    disk = Disk(stage.home)
    for number, (change, _told) in enumerate(recorded_changes(stage.home / "changes")):
        if change.kind == SYNC and change.path.endswith((".sqlite", ".sqlite-journal")):
            for _ in range(120 if whole else 2):
                seed = random.randrange(1 << 32)
                shutil.rmtree(stage.base_dir, ignore_errors=True)
                disk.lay_out(stage.home, random.Random(seed))
                assert is_sound(stage), f"damaged by a cut before change {number}, seed {seed}"
        disk.take(change)


def is_sound(stage: Stage) -> bool:
    """Tell whether SQLite finds nothing wrong with the database, if there is one."""
    try:
        return stage.rows("PRAGMA integrity_check") in ([], [("ok",)])
    except sqlite3.DatabaseError:
        return False
