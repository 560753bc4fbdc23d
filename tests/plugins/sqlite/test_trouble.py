from __future__ import annotations

import errno
import logging
import os
import resource
import signal
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import (
    Database,
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseUnusableError,
    SqliteSink,
    UnknownSchemaError,
    put_run,
)
from telemetry_sqlite.damage import file_id, files_set_aside, set_damaged_aside
from telemetry_sqlite.turn import Turn

from telemetry_core import SystemClock
from tests.plugins.sqlite.conftest import NOON
from tests.plugins.sqlite.processes import outcome_in_child

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugins.sqlite.conftest import Story

    Ask = Callable[[str], list[Any]]

NOBODY = 65534
MIGRATED = "CREATE TABLE schema_migrations (version INTEGER); INSERT INTO schema_migrations"


def file_of(sink: SqliteSink) -> Path:
    path = Path(sink.destination())
    path.parent.mkdir(exist_ok=True)
    return path


def set_aside_beside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.corrupt-*"))


def make_database(path: Path, script: str) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path.read_bytes()


@pytest.mark.parametrize(
    "rubbish", [b"this is no database" * 100, b"SQLite format 3\x00" + b"x" * 9000]
)
def test_what_is_no_database_is_set_aside_and_a_new_one_begun(
    sink: SqliteSink, story: Story, rows: Ask, caplog: pytest.LogCaptureFixture, rubbish: bytes
) -> None:
    path = file_of(sink)
    path.write_bytes(rubbish)

    with caplog.at_level(logging.ERROR, "telemetry_core.sqlite"):
        sink.ship_batch(story.batch(story.event("e1")))

    (aside,) = set_aside_beside(path)
    assert aside.read_bytes() == rubbish
    assert str(aside) in caplog.text
    assert str(aside) in sink.check_health().message
    assert rows("SELECT event_id FROM run_events") == [("e1",)]


def test_a_database_with_damaged_pages_is_set_aside_when_they_are_met(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    sink.ship_batch(story.batch(*(story.event() for _ in range(500))))
    sink.close()
    path = file_of(sink)
    image = bytearray(path.read_bytes())
    image[4096:] = os.urandom(len(image) - 4096)
    path.write_bytes(image)

    sink.ship_batch(story.batch(story.event("after")))

    assert [aside.read_bytes() for aside in set_aside_beside(path)] == [image]
    assert rows("SELECT event_id FROM run_events") == [("after",)]


def test_the_journal_of_a_damaged_database_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    path.write_text("damaged")
    Path(f"{path}-journal").write_text("its journal")

    set_damaged_aside(str(path), file_id(str(path)), sqlite3.DatabaseError("malformed"))

    aside, journal = set_aside_beside(path)
    assert (aside.read_text(), journal.read_text()) == ("damaged", "its journal")
    assert journal.name == f"{aside.name}-journal"
    assert files_set_aside(str(path)) == [str(aside)]


def test_a_file_that_another_process_has_replaced_is_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    path.write_text("the new one")

    set_damaged_aside(str(path), (0, 0), sqlite3.DatabaseError("malformed"))

    assert path.read_text() == "the new one"


def test_two_damaged_files_in_one_second_are_both_kept(sink: SqliteSink, story: Story) -> None:
    path = file_of(sink)
    for _ in range(2):
        path.write_bytes(b"no database" * 100)
        sink.ship_batch(story.batch(story.event()))

    assert len(set_aside_beside(path)) == 2


def test_an_empty_file_is_a_database_not_yet_begun(sink: SqliteSink, story: Story) -> None:
    path = file_of(sink)
    path.touch()

    assert sink.check_health().message == "nothing written yet"
    assert sink.ship_batch(story.batch(story.event())).rejected == {}
    assert set_aside_beside(path) == []


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("CREATE TABLE recipes (name TEXT)", "belongs to another program"),
        ("CREATE TABLE agent_runs (a); CREATE TABLE run_events (a)", "belongs to another program"),
        (f"{MIGRATED} VALUES (99)", "belongs to another program"),
        (
            f"{MIGRATED} VALUES (99); CREATE TABLE agent_runs (a)",
            "has schema 99, this release knows",
        ),
        (f"{MIGRATED} VALUES (3)", "belongs to another program"),
        (f"{MIGRATED} VALUES (7); CREATE TABLE agent_runs (event_id TEXT)", "another program"),
    ],
)
def test_a_schema_we_do_not_know_is_refused_and_left_alone(
    sink: SqliteSink, story: Story, script: str, complaint: str
) -> None:
    path = file_of(sink)
    before = make_database(path, script)

    with pytest.raises(UnknownSchemaError, match=complaint) as refusal:
        sink.ship_batch(story.batch(story.event()))

    assert path.read_bytes() == before
    assert "db_path" in str(refusal.value)
    assert not sink.check_health().ok
    with pytest.raises(UnknownSchemaError, match=complaint):
        sink.runs_store().list_runs()


@pytest.mark.parametrize("version", ["", f"{MIGRATED} VALUES (3);", f"{MIGRATED} VALUES (7);"])
def test_an_older_schema_is_refused_with_the_command_that_upgrades_it(
    sink: SqliteSink, story: Story, version: str
) -> None:
    path = file_of(sink)
    old = "CREATE TABLE agent_runs (run_id, agent_name, job_type, start_time, status)"
    before = make_database(path, version + old)

    with pytest.raises(UnknownSchemaError, match=f"telemetry db migrate --db {path}$"):
        sink.ship_batch(story.batch(story.event()))

    assert path.read_bytes() == before


def test_the_journal_mode_of_another_programs_file_stays(sink: SqliteSink, story: Story) -> None:
    path = file_of(sink)
    before = make_database(path, "PRAGMA journal_mode = WAL; CREATE TABLE recipes (name TEXT)")

    with pytest.raises(UnknownSchemaError):
        sink.ship_batch(story.batch(story.event()))

    assert path.read_bytes() == before


def test_a_reader_reports_damage_and_changes_nothing(sink: SqliteSink) -> None:
    path = file_of(sink)
    path.write_bytes(b"no database" * 100)

    with pytest.raises(DatabaseUnusableError, match="cannot be read"):
        sink.runs_store().list_runs()

    assert path.read_bytes() == b"no database" * 100
    assert not sink.check_health().ok


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give it up")
def test_a_directory_that_may_not_be_written_loses_no_record(
    sink: SqliteSink, story: Story, tmp_path: Path
) -> None:
    batch = story.batch(story.event())
    tmp_path.chmod(0o755)

    outcome = outcome_in_child(lambda: sink.ship_batch(batch), lambda: os.setuid(NOBODY))

    assert outcome.startswith("PermissionError")
    assert sink.ship_batch(batch).delivered == {batch.records[0].id}


def test_a_full_disk_loses_no_record(sink: SqliteSink, story: Story, rows: Ask) -> None:
    batch = story.batch(*(story.event(payload={"text": "x" * 5000}) for _ in range(100)))
    sink.ship_batch(story.batch(story.event("before")))
    sink.close()

    def fill_the_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = os.path.getsize(sink.destination()) + 50_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    outcome = outcome_in_child(lambda: sink.ship_batch(batch), fill_the_disk)

    assert outcome.startswith(("DatabaseFullError", "OperationalError", "OSError"))
    assert rows("SELECT event_id FROM run_events") == [("before",)]
    assert len(sink.ship_batch(batch).delivered) == 100


def test_a_full_disk_is_said_to_be_so_and_nothing_is_half_written(
    sink: SqliteSink, story: Story
) -> None:
    sink.ship_batch(story.batch(story.event(), story.run()))
    database = Database(sink.destination())

    def fill(connection: sqlite3.Connection) -> None:
        put_run(connection, story.a_run(event_id="half"), NOON)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        put_run(connection, story.a_run(event_id="full", host="x" * 100_000), NOON)

    with pytest.raises(DatabaseFullError, match=r"disk is full.*make room"):
        database.write(fill)
    assert [row["event_id"] for row in sink.runs_store().list_runs().rows] == ["uuid-1"]
    assert sink.runs_store().totals().total_runs == 1
    assert database.write(lambda opened: put_run(opened, story.a_run(event_id="next"), NOON))
    database.close()


def test_a_disk_without_room_for_the_file_is_said_to_be_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("telemetry_sqlite.database.make_private_file", no_room)
    with pytest.raises(DatabaseFullError):
        Database(str(tmp_path / "runs.sqlite")).write(lambda _: None)


@pytest.mark.parametrize("how", ["turn", "IMMEDIATE", "EXCLUSIVE"])
def test_a_database_that_stays_locked_is_said_to_be_so_at_the_deadline(
    sink: SqliteSink, story: Story, how: str
) -> None:
    sink.ship_batch(story.batch(story.run()))
    path = sink.destination()
    database, run = Database(path), story.a_run(event_id="later")

    def put(seconds: float) -> bool:
        deadline = SystemClock.monotonic() + seconds
        return database.write(lambda opened: put_run(opened, run, NOON), deadline)

    with closing(sqlite3.connect(path, isolation_level=None)) as other, ExitStack() as stack:
        if how == "turn":
            stack.enter_context(Turn(path))
        else:
            other.execute(f"BEGIN {how}")
        with pytest.raises(DatabaseBusyError, match="database is locked"):
            put(0.05)
    assert put(60) is True
    database.close()


def test_what_a_file_took_that_was_replaced_meanwhile_is_not_said_to_be_stored(
    sink: SqliteSink, story: Story, tmp_path: Path
) -> None:
    sink.ship_batch(story.batch(story.run()))
    database, fresh = Database(sink.destination()), Database(str(tmp_path / "fresh.sqlite"))
    fresh.write(lambda _: None)

    def put(connection: sqlite3.Connection) -> bool:
        done = put_run(connection, story.a_run(event_id="later"), NOON)
        os.replace(fresh.path, database.path)
        return done

    with pytest.raises(DatabaseUnusableError, match="another file took the place"):
        database.write(put)
    assert database.write(lambda one: put_run(one, story.a_run(event_id="again"), NOON)) is True
    assert sink.runs_store().count() == 1
    for one in (database, fresh):
        one.close()


def test_a_reader_that_stays_keeps_a_change_from_being_half_written(
    sink: SqliteSink, story: Story
) -> None:
    sink.ship_batch(story.batch(story.run()))
    with closing(sqlite3.connect(sink.destination(), isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM agent_runs").fetchall()
        late = story.batch(story.run(story.a_run(event_id="late")), deadline=0.0)
        with pytest.raises(DatabaseBusyError):
            sink.ship_batch(late)
    assert sink.runs_store().count() == 1
    assert len(sink.ship_batch(late).delivered) == 1


def test_what_was_receipted_can_be_found_again_after_a_power_loss(
    sink: SqliteSink, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    sink.ship_batch(story.batch(story.event()))
    sink.ship_batch(story.batch(story.event()))

    database = tmp_path / "db"
    names = len(synced) - 2
    assert synced == [*map(str, (database, *database.parents)[:names]), *[str(database)] * 2]
    assert names >= 2
