"""`telemetry db restore`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]


@pytest.fixture
def backup(db: Db, sink: SqliteSink, story: Story) -> str:
    """Return a backup after which a run and two events were recorded."""
    sink.ship_batch(story.batch(story.event()))
    path = str(json.loads(db("backup", "--json").stdout)["path"])
    sink.ship_batch(story.batch(story.run(), story.event(), story.event()))
    return path


def test_it_says_what_is_not_there_now_and_how_to_get_it_back(
    db: Db, backup: str, sink: SqliteSink
) -> None:
    done = db("restore", "--yes")
    (kept,) = Path(backup).parent.glob("*.before-restore.sqlite")
    assert done.exit_code == 0
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        f"Restored: {sink.destination()}",
        "It has: 0 runs, 1 event",
        "Recorded after the backup, and not there now: 1 run, 2 events",
        "To bring in what ndjson has of them: telemetry db rebuild",
        f"Before: {kept}",
        f"To undo: telemetry db restore {kept}",
    ]


def test_the_answer_in_json_is_whole(db: Db, backup: str, sink: SqliteSink) -> None:
    answer = json.loads(db("restore", backup, "--yes", "--json").stdout)
    assert Path(answer.pop("safety")).exists()
    assert answer == {
        "path": sink.destination(),
        "backup": backup,
        "rows": {"runs": 0, "events": 1},
        "missing": {"runs": 1, "events": 2},
        "outdated": False,
        "dry_run": False,
    }


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    db: Db, backup: str, sink: SqliteSink
) -> None:
    before = Path(sink.destination()).read_bytes()
    done = db("restore", "--dry-run")
    answer = json.loads(db("restore", "--dry-run", "--json").stdout)
    assert "Not in the backup: 1 run, 2 events of the present file" in done.stdout
    assert (answer["backup"], answer["missing"]) == (backup, {"runs": 1, "events": 2})
    assert Path(sink.destination()).read_bytes() == before


def test_where_nobody_can_be_asked_yes_is_needed(db: Db, backup: str, sink: SqliteSink) -> None:
    before = Path(sink.destination()).read_bytes()
    assert db("restore").exit_code == 2
    assert Path(sink.destination()).read_bytes() == before


@pytest.mark.usefixtures("backup")
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"rubbish" * 500)])
def test_a_missing_or_damaged_file_comes_back(
    db: Db, sink: SqliteSink, damage: Callable[[Path], object]
) -> None:
    damage(Path(sink.destination()))
    assert db("restore", "--yes").exit_code == 0
    assert db("check").exit_code == 0


@pytest.mark.usefixtures("backup")
def test_a_backup_that_is_not_sound_changes_nothing(db: Db, sink: SqliteSink) -> None:
    before = Path(sink.destination()).read_bytes()
    Path("bad").write_bytes(b"rubbish" * 500)
    done = db("restore", "bad", "--yes")
    assert done.exit_code == 1
    assert "cannot be restored" in done.stderr
    assert "The newest sound backup: telemetry db restore" in done.stderr
    assert Path(sink.destination()).read_bytes() == before


def test_without_any_backup_there_is_another_way(db: Db) -> None:
    done = db("restore", "--yes")
    assert done.exit_code == 1
    assert "telemetry db rebuild" in done.stderr
