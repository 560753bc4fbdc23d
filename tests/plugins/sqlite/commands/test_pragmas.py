"""`telemetry db pragmas`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]


def test_a_database_of_ours_is_set_as_it_should_be(db: Db, sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.event()))
    done = db("pragmas", "--json")
    pragmas = json.loads(done.stdout)["pragmas"]
    assert done.exit_code == 0
    assert {name: one["library"] for name, one in pragmas.items()} == {
        "journal_mode": "delete",
        "synchronous": "full",
        "busy_timeout": "30000",
        "auto_vacuum": "incremental",
    }


def test_what_is_set_otherwise_is_named_with_what_to_do_and_left_as_it_is(db: Db) -> None:
    with closing(sqlite3.connect("other.sqlite")) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
    before = Path("other.sqlite").read_bytes()

    done = db("pragmas", "--db", "other.sqlite")

    assert done.exit_code == 1
    assert "journal_mode is wal, not delete\n  -> telemetry db migrate" in done.stdout
    assert "auto_vacuum is none, not incremental\n  -> telemetry db migrate" in done.stdout
    assert Path("other.sqlite").read_bytes() == before


def test_what_is_no_database_is_said_in_one_line(db: Db) -> None:
    Path("rubbish").write_bytes(b"no database" * 100)
    done = db("pragmas", "--db", "rubbish")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "file is not a database" in done.stderr
