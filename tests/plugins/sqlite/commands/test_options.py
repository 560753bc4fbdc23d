"""Which database a command is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]

TWO = """
active = ["sqlite", "eu"]
[plugins.eu]
plugin = "sqlite"
db_path = "eu.sqlite"
"""


def asked_about(db: Db, *args: str) -> str:
    return str(json.loads(db("check", "--json", *args).stdout)["path"])


def test_without_options_it_is_the_active_sinks(db: Db, sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.event()))
    assert asked_about(db) == sink.destination()


def test_a_path_is_taken_as_it_is_whatever_is_active(db: Db) -> None:
    Path("other.sqlite").touch()
    assert asked_about(db, "--db", "other.sqlite") == str(Path("other.sqlite").absolute())


def test_of_several_sinks_one_must_be_named(db: Db) -> None:
    Path("telemetry.toml").write_text(TWO)
    Path("eu.sqlite").touch()

    done = db("check")

    assert done.exit_code == 2
    assert "sqlite and eu are active; say which one: --sink NAME" in done.stderr
    assert asked_about(db, "--sink", "eu") == str(Path("eu.sqlite").absolute())


def test_where_no_sqlite_sink_is_active_a_path_must_be_given(db: Db) -> None:
    Path("telemetry.toml").write_text('active = ["ndjson"]')
    done = db("check")
    assert done.exit_code == 2
    assert "no sqlite sink is active (active: ndjson); name the file: --db PATH" in done.stderr


def test_a_sink_that_is_not_active_is_called_so(db: Db) -> None:
    done = db("check", "--sink", "asia")
    assert done.exit_code == 2
    assert "no sqlite sink called 'asia' is active" in done.stderr


def test_a_path_and_a_sink_at_once_are_a_misuse(db: Db) -> None:
    assert db("check", "--db", "x", "--sink", "sqlite").exit_code == 2


def test_a_file_that_is_not_there_is_said_and_not_made(db: Db) -> None:
    done = db("check", "--db", "nowhere.sqlite")
    assert done.exit_code == 1
    assert "there is no database at" in done.stderr
    assert not Path("nowhere.sqlite").exists()
