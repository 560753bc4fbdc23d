from __future__ import annotations

import multiprocessing
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry.clock import FakeClock

from telemetry_core.codec import decode
from telemetry_core.delivery.dead_letters import ALL, DeadLetter, DeadLetters, Selection
from telemetry_core.errors import SpoolError
from telemetry_core.models import RunEvent
from telemetry_core.records import Kind, Lane, Record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "base" / "dead_letters.sqlite"


@pytest.fixture
def letters(path: Path, telemetry_clock: FakeClock) -> DeadLetters:
    return DeadLetters(path, telemetry_clock)


def letter(record_id: str, code: str = "bad", reason: str = "why", attempts: int = 1) -> DeadLetter:
    body = RunEvent(record_id, "tick", 5, payload={"n": 1})
    record = Record(record_id, Kind.EVENT, 7, 5, Lane.STANDARD, body)
    return DeadLetter(record, code, reason, attempts)


def test_a_letter_keeps_the_record_and_the_reason(
    letters: DeadLetters, telemetry_clock: FakeClock
) -> None:
    letters.add("posthog", [letter("a", "http_400", "no distinct_id", attempts=3)])
    (kept,) = letters.list()
    assert (kept.code, kept.reason, kept.attempts) == ("http_400", "no distinct_id", 3)
    assert kept.first_ns == kept.last_ns == telemetry_clock.time_ns()
    record = decode(kept.line, Lane(kept.lane))
    assert (record.id, record.seq) == ("a", 7)
    assert isinstance(record.body, RunEvent)
    assert record.body.payload == {"n": 1}


def test_the_same_record_again_counts_its_attempts_on(
    letters: DeadLetters, telemetry_clock: FakeClock
) -> None:
    letters.add("s", [letter("a", "first", attempts=2)])
    first = telemetry_clock.time_ns()
    telemetry_clock.advance(60)
    letters.add("s", [letter("a", "second", attempts=1)])
    (kept,) = letters.list()
    assert (kept.code, kept.attempts, kept.first_ns) == ("second", 3, first)
    assert kept.last_ns == telemetry_clock.time_ns()


def test_sinks_have_letters_of_their_own(letters: DeadLetters) -> None:
    letters.add("one", [letter("a"), letter("b")])
    letters.add("two", [letter("a")])
    assert letters.count() == {"one": 2, "two": 1}
    assert [kept.record_id for kept in letters.list(Selection(sink="two"))] == ["a"]


def test_the_latest_are_listed_first_and_no_more_than_asked(
    letters: DeadLetters, telemetry_clock: FakeClock
) -> None:
    for record_id in "abc":
        letters.add("s", [letter(record_id)])
        telemetry_clock.advance(1)
    assert [kept.record_id for kept in letters.list(limit=2)] == ["c", "b"]


def test_letters_are_taken_page_by_page_in_the_order_of_their_ids(letters: DeadLetters) -> None:
    letters.add("s", [letter(f"e{number}") for number in range(5)])
    kept: list[str] = []
    while page := letters.take(
        ALL, lambda page: kept.extend(one.record_id for one in page), limit=2
    ):
        assert len(page) <= 2
    assert kept == ["e0", "e1", "e2", "e3", "e4"]
    assert letters.count() == {}


def test_a_page_of_large_letters_is_short(letters: DeadLetters) -> None:
    body = RunEvent("", "tick", 5, payload={"text": "x" * 2**20})
    for number in range(8):
        record = Record(f"e{number}", Kind.EVENT, 7, 5, Lane.STANDARD, body)
        letters.add("s", [DeadLetter(record, "bad", "why")])
    assert len(letters.take(ALL)) == 4


def test_what_could_not_be_kept_elsewhere_stays(letters: DeadLetters) -> None:
    letters.add("s", [letter("a")])

    def keep(_: object) -> None:
        raise OSError("no room")

    with pytest.raises(SpoolError, match="no room"):
        letters.take(ALL, keep)
    assert letters.count() == {"s": 1}


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        (Selection(code="bad"), ["c", "a"]),
        (Selection(sink="t"), ["c"]),
        (Selection(beginning="b"), ["b"]),
        (Selection(sink="s", code="bad"), ["a"]),
        (Selection(sink="nobody"), []),
    ],
)
def test_letters_are_selected(letters: DeadLetters, which: Selection, ids: list[str]) -> None:
    letters.add("s", [letter("a"), letter("b", "worse")])
    letters.add("t", [letter("c")])
    assert [kept.record_id for kept in letters.list(which)] == ids
    assert sum(letters.count(which).values()) == len(ids)


def test_letters_are_selected_by_age(letters: DeadLetters, telemetry_clock: FakeClock) -> None:
    letters.add("s", [letter("old")])
    telemetry_clock.advance(60)
    now = telemetry_clock.time_ns()
    letters.add("s", [letter("new")])
    assert [kept.record_id for kept in letters.list(Selection(before_ns=now))] == ["old"]
    assert [kept.record_id for kept in letters.list(Selection(since_ns=now))] == ["new"]


def test_reading_what_was_never_written_makes_no_file(letters: DeadLetters, path: Path) -> None:
    assert (letters.list(), letters.count(), letters.take(ALL)) == ([], {}, ())
    assert not path.exists()


@pytest.mark.parametrize("text", ["\ud800", "nul \x00 inside", "x" * 10**6])
def test_no_text_of_a_server_is_too_strange_to_keep(letters: DeadLetters, text: str) -> None:
    letters.add("s", [letter("a", code=text[:20], reason=text)])
    assert letters.count() == {"s": 1}


@pytest.mark.parametrize("damage", [b"this is no database at all, " * 100, b"SQLite format 3\x00?"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    letters: DeadLetters, path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    letters.add("s", [letter("a")])
    assert letters.count() == {"s": 1}
    (aside,) = path.parent.glob("*.corrupt-*")
    assert aside.read_bytes() == damage
    assert aside.name in caplog.text


def test_a_page_damaged_later_on_is_found_too(letters: DeadLetters, path: Path) -> None:
    letters.add("s", [letter(f"e{number}", reason="x" * 500) for number in range(200)])
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    letters.add("s", [letter("a")])
    assert [kept.record_id for kept in letters.list()] == ["a"]


def test_where_nothing_can_be_written_adding_raises_and_says_why(
    letters: DeadLetters, path: Path
) -> None:
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(SpoolError, match="cannot be reached"):
        letters.add("s", [letter("a")])


def test_a_failed_add_keeps_none_of_its_letters(letters: DeadLetters) -> None:
    letters.add("s", [letter("a")])
    broken = letter("c")
    broken.attempts = 2**70
    with pytest.raises((SpoolError, OverflowError)):
        letters.add("s", [letter("b"), broken])
    assert letters.count() == {"s": 1}


def test_a_file_held_by_another_is_no_damage(letters: DeadLetters, path: Path) -> None:
    letters.add("s", [letter("a")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread = Thread(target=letters.add, args=("s", [letter("b")]))
    thread.start()
    other.execute("COMMIT")
    other.close()
    thread.join()
    assert letters.count() == {"s": 2}
    assert list(path.parent.glob("*.corrupt-*")) == []


def test_looking_leaves_another_thread_its_transaction(letters: DeadLetters, path: Path) -> None:
    letters.add("s", [letter("a")])
    intrude = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], timeout=0);"
        "database.execute('BEGIN IMMEDIATE')"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        assert letters.count() == {"s": 1}
        intruder = [sys.executable, "-c", intrude, str(path)]
        other = subprocess.run(intruder, capture_output=True, text=True, check=False)
    assert "database is locked" in other.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no permission bits")
def test_the_file_is_for_its_owner_alone(letters: DeadLetters, path: Path) -> None:
    letters.add("s", [letter("a")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def add_some(path: Path, sink: str) -> None:
    letters = DeadLetters(path, FakeClock())
    for number in range(10):
        letters.add(sink, [letter(f"e{number}")])


def test_processes_share_the_file(letters: DeadLetters, path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=add_some, args=(path, f"s{n}")) for n in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert letters.count() == {"s0": 10, "s1": 10, "s2": 10}


def test_processes_that_find_damage_at_once_lose_no_letter(
    letters: DeadLetters, path: Path
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)
    threads = [Thread(target=add_some, args=(path, f"s{n}")) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert letters.count() == dict.fromkeys(("s0", "s1", "s2", "s3"), 10)
