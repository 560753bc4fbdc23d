"""Another file in the place of the database, while others have the old one open."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import DatabaseUnusableError
from telemetry_sqlite.care.swapping import alone, swap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story


@pytest.fixture
def database(sink: SqliteSink, story: Story) -> str:
    sink.ship_batch(story.batch(story.event("old")))
    return sink.destination()


@pytest.fixture
def new(database: str) -> str:
    path = f"{database}.new"
    shutil.copyfile(database, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE run_events SET event_id = 'new'")
    return path


@pytest.fixture
def foreign(database: str) -> Iterator[Connection]:
    """Give a connection of another program, that has read the old file."""
    connection = sqlite3.connect(database, timeout=0, isolation_level=None)
    with closing(connection):
        connection.execute("SELECT * FROM run_events").fetchall()
        yield connection


def ids(path: str) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {one for (one,) in connection.execute("SELECT event_id FROM run_events")}


def well(path: str) -> None:
    assert ids(path) == {"new"}


def test_a_sink_goes_on_with_the_new_file(
    sink: SqliteSink, story: Story, database: str, new: str
) -> None:
    with alone(database, 1):
        swap(database, new, well)
    sink.ship_batch(story.batch(story.event("later")))
    assert ids(database) == {"new", "later"}


def test_another_program_cannot_write_into_the_old_file_unnoticed(
    database: str, new: str, foreign: Connection
) -> None:
    with alone(database, 1):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            foreign.execute("BEGIN IMMEDIATE")
        swap(database, new, well)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        foreign.execute("DELETE FROM run_events")
    assert ids(database) == {"new"}


def test_another_programs_transaction_is_waited_for(database: str, foreign: Connection) -> None:
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"), alone(database, 0):
        pass


def test_one_who_reads_is_not_waited_for(database: str, foreign: Connection) -> None:
    foreign.execute("BEGIN")
    foreign.execute("SELECT * FROM run_events").fetchall()
    with alone(database, 0):
        pass


def test_a_file_in_wal_mode_is_made_one_of_ours_first(database: str, new: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("INSERT INTO run_events (event_type, timestamp) VALUES ('t', '')")
        with pytest.raises(sqlite3.OperationalError, match="locked"), alone(database, 0):
            pass
    with alone(database, 0):
        swap(database, new, well)
    assert not os.path.exists(f"{database}-wal")


def test_what_does_not_look_well_is_taken_back(database: str, new: str) -> None:
    def look(path: str) -> None:
        raise DatabaseUnusableError(f"{path} is not well")

    with alone(database, 1), pytest.raises(DatabaseUnusableError, match="not well"):
        swap(database, new, look, f"{database}.kept")

    assert ids(database) == {"old"}
    assert not Path(f"{database}.kept").exists()


def test_the_old_file_is_kept_where_that_is_asked_for_though_it_is_damaged(
    database: str, new: str
) -> None:
    Path(database).write_text("damaged")
    with alone(database, 1):
        swap(database, new, well, f"{database}.kept")
    assert Path(f"{database}.kept").read_text() == "damaged"


def test_a_journal_that_lost_its_file_is_not_played_into_the_new_one(
    database: str, new: str
) -> None:
    os.unlink(database)
    Path(f"{database}-journal").write_text("of the old file")
    with alone(database, 1):
        swap(database, new, lambda path: None, f"{database}.kept")
    assert Path(f"{database}.kept-journal").read_text() == "of the old file"
    assert not Path(f"{database}-journal").exists()
    assert ids(database) == {"new"}


def test_without_a_wish_nothing_of_the_old_file_stays(database: str, new: str) -> None:
    before = set(os.listdir(Path(database).parent)) - {Path(new).name}
    with alone(database, 1):
        swap(database, new, well)
    assert set(os.listdir(Path(database).parent)) == before


def test_a_link_still_leads_to_the_database(database: str, new: str, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database)
    with alone(str(link), 1):
        swap(str(link), new, well)
    assert link.is_symlink()
    assert ids(database) == {"new"}


def test_a_missing_file_is_put_there(database: str, new: str) -> None:
    os.unlink(database)
    with alone(database, 1):
        swap(database, new, well)
    assert ids(database) == {"new"}


def test_where_there_are_no_hard_links_a_copy_is_kept_and_others_stay_locked_out(
    database: str, new: str, foreign: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError("no hard links here")

    def look(path: str) -> None:
        well(path)
        with pytest.raises(sqlite3.OperationalError, match=r"locked|readonly"):
            foreign.execute("DELETE FROM run_events")

    monkeypatch.setattr(os, "link", link)
    with alone(database, 1):
        swap(database, new, look, f"{database}.kept")
    assert ids(f"{database}.kept") == {"old"}
    assert ids(database) == {"new"}


def test_a_swap_that_cannot_be_done_leaves_the_old_file_and_no_other_name_of_it(
    database: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(os.listdir(Path(database).parent))
    moved = os.replace

    def replace(source: str, target: str) -> None:
        if (source, target) == (new, database) and ids(new) == {"new"}:
            raise PermissionError("a virus scanner has it open")
        moved(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with alone(database, 1), pytest.raises(PermissionError):
        swap(database, new, well, f"{database}.kept")
    assert ids(database) == {"old"}
    assert set(os.listdir(Path(database).parent)) - {Path(new).name} == before - {Path(new).name}
