"""Backups: their names, where they are, and which of them go."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import DatabaseUnusableError
from telemetry_sqlite.care.backups import (
    back_up,
    back_up_to,
    find_backups,
    newest_sound,
    rotate,
    rows_in,
)
from telemetry_sqlite.care.copying import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

NOBODY = 65534
DAY = 86_400 * 1_000_000_000


@pytest.fixture
def database(sink: SqliteSink, story: Story) -> str:
    sink.ship_batch(story.batch(story.run(), story.event()))
    return sink.destination()


@pytest.fixture
def named(database: str) -> Callable[..., Path]:
    """Return what makes backups of these names."""

    def named(*names: str) -> Path:
        folder = Path(database).parent / "backups"
        folder.mkdir(exist_ok=True)
        for name in names:
            shutil.copyfile(database, folder / f"telemetry.{name}.sqlite")
        return folder

    return named


def test_a_backup_lies_beside_the_database_and_has_its_rows(database: str) -> None:
    path = Path(back_up(database))
    assert path.parent == Path(database).parent / "backups"
    assert rows_in(str(path)) == {"runs": 1, "events": 1}
    assert [one.path for one in find_backups(database)] == [str(path)]


def test_two_backups_in_one_second_are_both_kept_the_later_one_first(database: str) -> None:
    paths = [back_up(database) for _ in range(3)]
    assert [one.path for one in find_backups(database)] == paths[::-1]


def test_backups_of_a_linked_database_lie_beside_the_file_itself(
    database: str, tmp_path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database)
    backup = back_up(str(link))
    assert [one.path for one in find_backups(database)] == [backup]


def test_what_is_not_named_by_us_is_no_backup(database: str, named: Callable[..., Path]) -> None:
    named("20260101T000000Z.before-migrate", "20260101T000000Z-2", "20269901T000000Z", "mine", "")
    assert [(one.count, one.why) for one in find_backups(database)] == [
        (2, ""),
        (1, "before-migrate"),
    ]


def test_rotation_keeps_the_newest_and_whatever_was_made_for_a_reason(
    database: str, named: Callable[..., Path]
) -> None:
    old = [f"2026010{day}T000000Z" for day in range(1, 5)]
    folder = named(*old, "20250101T000000Z.before-migrate", "mine")
    newest = back_up(database)

    removed = rotate(database, newest, keep=2)

    assert [Path(path).name[10:26] for path in removed] == old[:3]
    assert {f"telemetry.{old[3]}.sqlite", "telemetry.mine.sqlite"} < set(os.listdir(folder))
    assert Path(newest).exists()


def test_rotation_by_age_spares_the_newest_even_when_the_clock_was_wrong(
    database: str, named: Callable[..., Path]
) -> None:
    named("20260101T000000Z", "20260110T000000Z", "20380101T000000Z")
    (future, _, newest) = find_backups(database)

    removed = rotate(database, newest.path, keep_since_ns=future.made_ns - DAY)

    assert [Path(path).name[10:26] for path in removed] == ["20260110T000000Z"]


def test_the_newest_sound_one_is_found_past_those_that_are_not(
    database: str, named: Callable[..., Path]
) -> None:
    folder = named("20260101T000000Z", "20260102T000000Z", "20260103T000000Z.before-restore")
    (folder / "telemetry.20260102T000000Z.sqlite").write_bytes(b"no database" * 100)
    found = newest_sound(database)
    assert found is not None
    assert found.path == str(folder / "telemetry.20260101T000000Z.sqlite")


def test_a_damaged_database_is_not_backed_up(database: str) -> None:
    Path(database).write_bytes(b"no database" * 100)
    with pytest.raises(DatabaseUnusableError, match="not a database; see: telemetry db check"):
        back_up(database)
    assert find_backups(database) == []


def test_why_it_is_not_backed_up_is_one_short_line_about_the_database(database: str) -> None:
    image = bytearray(Path(database).read_bytes())
    image[8192:] = b"x" * (len(image) - 8192)
    Path(database).write_bytes(image)
    with pytest.raises(DatabaseUnusableError, match="could not be backed up: ") as told:
        back_up(database)
    assert "unfinished" not in str(told.value)
    assert len(str(told.value).splitlines()) == 1
    assert len(str(told.value)) < 600


def test_a_database_with_nothing_in_it_is_not_backed_up(tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    with pytest.raises(DatabaseUnusableError, match="backed up: it is not there, or empty"):
        back_up(str(empty))


def test_a_place_that_takes_no_file_is_named_and_not_the_file_that_was_begun(
    database: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnusableError, match=f"Not a directory: {tmp_path}/file$"):
        back_up_to(database, f"{tmp_path}/file/copy.sqlite")


def test_a_full_disk_is_said_and_nothing_is_left(database: str) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(DatabaseUnusableError, match="could not be backed up"):
            back_up(database)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(Path(database).parent / "backups") == []


def test_a_file_in_the_place_of_the_folder_is_said(database: str) -> None:
    (Path(database).parent / "backups").write_text("in the way")
    assert find_backups(database) == []
    with pytest.raises(DatabaseUnusableError, match="File exists"):
        back_up(database)


def test_a_database_of_an_older_release_is_backed_up_as_it_is(oldest: Path) -> None:
    path = back_up(str(oldest))
    assert verify(path) == []
    assert rows_in(path) == {"runs": 3, "events": 2}


def test_a_database_that_is_being_written_to_is_backed_up_as_it_was_committed(
    database: str,
) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM agent_runs")
        assert rows_in(back_up(database))["runs"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give it up")
def test_a_directory_that_may_not_be_written_is_said(database: str, tmp_path: Path) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(NOBODY)
        try:
            back_up(database, folder=f"{tmp_path}/backups")
        except DatabaseUnusableError as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        assert "Permission denied" in pipe.read()
    os.waitpid(child, 0)


def test_two_databases_of_one_folder_have_each_its_own_backups(database: str) -> None:
    other = str(Path(database).with_suffix(".db"))
    shutil.copyfile(database, other)
    backup, others = back_up(database), back_up(other)
    assert rotate(other, others, keep=1) == []
    assert [one.path for one in find_backups(database)] == [backup]
    assert [one.path for one in find_backups(other)] == [others]
