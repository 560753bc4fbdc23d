"""A backup in the place of the database, whatever was there, and while programs write."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import DatabaseUnusableError, UnknownSchemaError
from telemetry_sqlite.care.backups import back_up, folder_of
from telemetry_sqlite.care.copying import verify
from telemetry_sqlite.care.restoring import choose, missing_from, refuse_another_programs, restore
from telemetry_sqlite.care.swapping import is_same_file

from tests.plugins.sqlite.processes import repeated

if TYPE_CHECKING:
    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.care.conftest import Write
    from tests.plugins.sqlite.conftest import Story


@pytest.fixture
def database(sink: SqliteSink, story: Story) -> str:
    sink.ship_batch(story.batch(story.run(), story.event("old")))
    return sink.destination()


@pytest.fixture
def backup(database: str) -> str:
    return back_up(database)


def ids(path: str | Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {one for (one,) in connection.execute("SELECT event_id FROM run_events")}


def kept(database: str) -> set[str]:
    """Return the events of the database and of every backup."""
    return ids(database).union(*map(ids, Path(folder_of(database)).glob("*.sqlite")))


def test_what_came_after_the_backup_is_counted_and_kept_beside_it(
    sink: SqliteSink, story: Story, database: str, backup: str
) -> None:
    later = story.a_run(event_id="uuid-2", run_id="run-2")
    sink.ship_batch(story.batch(story.run(later), story.event("new"), story.event("newer")))

    done = restore(database, backup, wait=1)

    assert (done.rows, done.missing) == ({"runs": 1, "events": 1}, {"runs": 1, "events": 2})
    assert ids(database) == {"old"}
    assert ids(str(done.safety)) == {"old", "new", "newer"}
    assert done.safety is not None
    assert done.safety.endswith(".before-restore.sqlite")


def test_a_restore_is_undone_by_another_one(
    sink: SqliteSink, story: Story, database: str, backup: str
) -> None:
    sink.ship_batch(story.batch(story.event("new")))
    restore(database, choose(database, restore(database, backup, wait=1).safety), wait=1)
    assert ids(database) == {"old", "new"}


def test_the_backup_itself_stays_as_it_is(
    sink: SqliteSink, story: Story, database: str, backup: str
) -> None:
    before = Path(backup).read_bytes()
    restore(database, backup, wait=1)
    sink.ship_batch(story.batch(story.event("new")))
    assert Path(backup).read_bytes() == before


def test_a_damaged_file_is_replaced_and_kept_byte_by_byte(database: str, backup: str) -> None:
    Path(database).write_bytes(b"no database" * 100)
    done = restore(database, backup, wait=1)
    assert Path(str(done.safety)).read_bytes() == b"no database" * 100
    assert done.missing is None
    assert ids(database) == {"old"}


@pytest.mark.parametrize("also_the_folder", [False, True])
def test_a_missing_file_comes_back(database: str, backup: str, also_the_folder: bool) -> None:
    elsewhere = str(shutil.copy(backup, Path(database).parent.parent))
    os.unlink(database)
    if also_the_folder:
        shutil.rmtree(Path(database).parent)
    assert restore(database, elsewhere, wait=1).safety is None
    assert ids(database) == {"old"}


def test_of_a_link_the_file_it_leads_to_is_restored(
    database: str, backup: str, tmp_path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database)
    Path(database).write_text("damaged")
    restore(str(link), backup, wait=1)
    assert link.is_symlink()
    assert ids(database) == {"old"}


def test_a_damaged_backup_is_refused_and_the_newest_sound_one_named(
    database: str, backup: str
) -> None:
    bad = Path(backup).with_name("telemetry.20990101T000000Z.sqlite")
    bad.write_bytes(Path(backup).read_bytes()[:8192] + b"x" * 60_000)
    with pytest.raises(DatabaseUnusableError) as error:
        choose(database, str(bad))
    assert f"telemetry db restore {backup}" in str(error.value)
    assert choose(database, None) == backup


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("CREATE TABLE recipes (name TEXT)", "belongs to another program"),
        ("UPDATE schema_migrations SET version = 99", "has schema 99"),
    ],
)
def test_a_backup_that_is_not_for_this_release_is_refused(
    database: str, backup: str, script: str, complaint: str
) -> None:
    other = Path(backup).with_name("other.sqlite")
    if script.startswith("UPDATE"):
        shutil.copy(backup, other)
    with closing(sqlite3.connect(other)) as connection:
        connection.executescript(script)
    with pytest.raises(DatabaseUnusableError, match=complaint):
        choose(database, "other.sqlite")


def test_a_backup_of_an_older_release_is_restored_and_called_so(
    database: str, oldest: Path
) -> None:
    assert restore(database, choose(database, str(oldest)), wait=1).outdated


def test_where_no_backup_is_sound_it_is_said_what_else_to_do(database: str) -> None:
    with pytest.raises(DatabaseUnusableError, match=r"no sound backup in .* telemetry db rebuild"):
        choose(database, None)


def test_the_database_is_no_backup_of_itself(database: str) -> None:
    with pytest.raises(DatabaseUnusableError, match="is the database itself"):
        choose(database, database)


def test_another_programs_database_is_not_replaced(tmp_path: Path) -> None:
    other = f"{tmp_path}/recipes.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(UnknownSchemaError, match="belongs to another program"):
        refuse_another_programs(other, wait=1)


def test_a_file_that_stays_locked_is_left_as_it_is(database: str, backup: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnusableError, match="stays as it was: another program"):
            restore(database, backup, wait=0)
    assert [path for path in os.listdir(Path(database).parent) if "unfinished" in path] == []


def test_what_a_killed_restore_left_is_cleaned_up_by_the_next_one(
    database: str, backup: str
) -> None:
    alias = Path(backup).with_name("telemetry.20260101T000000Z.before-restore.sqlite")
    os.link(database, alias)  # killed between keeping the old file and replacing it
    Path(f"{database}.abc.unfinished").write_text("half")
    restore(database, backup, wait=1)
    assert not alias.exists()
    assert not Path(f"{database}.abc.unfinished").exists()


def test_what_only_the_present_file_has_is_counted_by_id(
    sink: SqliteSink, story: Story, database: str, backup: str
) -> None:
    assert missing_from(backup, database, 1) == {"runs": 0, "events": 0}
    sink.ship_batch(story.batch(story.event("new"), story.event("new")))
    assert missing_from(backup, database, 1) == {"runs": 0, "events": 1}
    assert missing_from(backup, f"{database}.nowhere", 1) is None


def test_writers_go_on_and_whatever_they_were_receipted_is_there(
    database: str, backup: str, write: Write
) -> None:
    writers = [write(database, name) for name in "ab"]
    receipted = {writer.said() for writer in writers}

    for _ in range(5):
        restore(database, backup, wait=30)
        receipted |= {writer.said() for writer in writers}
    receipted |= {writers[0].said() for _ in range(30)}

    receipted = receipted.union(*(writer.stop() for writer in writers))
    assert receipted <= kept(database)
    assert verify(database) == []


def test_a_restore_killed_at_any_moment_leaves_one_whole_file_and_loses_nothing(
    database: str, backup: str, write: Write
) -> None:
    writer = write(database, "w")
    receipted = {writer.said()}
    for _ in range(20):
        with repeated(lambda: restore(database, backup, wait=30)):
            receipted |= {writer.said() for _ in range(random.randrange(12))}
        assert verify(database) == []

    restore(database, backup, wait=30)

    receipted |= writer.stop()
    assert receipted <= kept(database)
    beside = Path(folder_of(database))
    assert not any("unfinished" in name for name in os.listdir(Path(database).parent))
    assert not any(is_same_file(str(path), database) for path in beside.iterdir())
