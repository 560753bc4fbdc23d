"""`telemetry db backup` and `telemetry db backups`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]


@pytest.fixture
def folder(sink: SqliteSink, story: Story) -> Path:
    """Fill the database, and return where its backups go."""
    sink.ship_batch(story.batch(story.run(), story.event(), story.event()))
    return Path(sink.destination()).parent / "backups"


def test_it_says_where_the_backup_is_and_what_is_in_it(db: Db, folder: Path) -> None:
    done = db("backup")
    (path,) = folder.iterdir()
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == f"Backed up and verified: {path}"
    assert done.stdout.splitlines()[1].startswith("1 run, 2 events, ")


def test_the_answer_in_json_is_whole(db: Db, folder: Path, sink: SqliteSink) -> None:
    answer = json.loads(db("backup", "--json").stdout)
    (path,) = folder.iterdir()
    assert answer.pop("seconds") > 0
    assert answer == {
        "database": sink.destination(),
        "path": str(path),
        "bytes": path.stat().st_size,
        "rows": {"runs": 1, "events": 2},
        "removed": [],
    }


def test_older_ones_are_removed_when_asked_for(db: Db, folder: Path) -> None:
    first = json.loads(db("backup", "--json").stdout)["path"]
    assert json.loads(db("backup", "--keep", "1", "--json").stdout)["removed"] == [first]
    assert db("backup", "--keep-days", "7").exit_code == 0
    assert len(list(folder.iterdir())) == 2


@pytest.mark.usefixtures("folder")
def test_it_goes_to_a_file_or_a_folder_that_is_named(db: Db) -> None:
    assert db("backup", "--to", "copy.sqlite").exit_code == 0
    assert db("backup", "--to", "there/").exit_code == 0
    assert Path("copy.sqlite").is_file()
    assert len(os.listdir("there")) == 1


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_there_is_not_overwritten(db: Db) -> None:
    Path("precious").write_text("precious")
    done = db("backup", "--to", "precious")
    assert done.exit_code == 1
    assert "is there already" in done.stderr
    assert Path("precious").read_text() == "precious"


def test_nothing_is_rotated_when_the_backup_failed(db: Db, folder: Path, sink: SqliteSink) -> None:
    db("backup")
    Path(sink.destination()).write_bytes(b"no database" * 100)
    done = db("backup", "--keep", "1")
    assert done.exit_code == 1
    assert "telemetry db check" in done.stderr
    assert len(list(folder.iterdir())) == 1


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "args", [("--keep", "1", "--keep-days", "1"), ("--keep", "1", "--to", "x")]
)
def test_rotations_that_cannot_be_meant_are_a_misuse(db: Db, args: tuple[str, ...]) -> None:
    assert db("backup", *args).exit_code == 2


def test_where_nothing_was_recorded_there_is_nothing_to_back_up(db: Db) -> None:
    assert "there is no database at" in db("backup").stderr
    assert "There are no backups in" in db("backups").stdout


def test_the_backups_are_listed_the_newest_first(db: Db, folder: Path) -> None:
    paths = [json.loads(db("backup", "--json").stdout)["path"] for _ in range(2)]
    answer = json.loads(db("backups", "--json").stdout)
    assert answer["folder"] == str(folder)
    assert [one["path"] for one in answer["backups"]] == paths[::-1]
    assert [one["sound"] for one in answer["backups"]] == [None, None]


def test_they_are_verified_on_request(db: Db, folder: Path) -> None:
    db("backup")
    (folder / "telemetry.20260101T000000Z.sqlite").write_bytes(b"no database" * 100)
    done = db("backups", "--verify")
    assert done.exit_code == 1
    assert "sound" in done.stdout.splitlines()[2]
    assert "file is not a database" in done.stdout.splitlines()[3]
