"""A database rewritten without its free pages, while others use it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import DatabaseUnusableError
from telemetry_sqlite.care.compaction import Compacted, compact, refuse_without_room
from telemetry_sqlite.care.copying import verify

from tests.plugins.sqlite.processes import repeated

if TYPE_CHECKING:
    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story


@pytest.fixture
def database(sink: SqliteSink, story: Story) -> str:
    """Return a database of which more than half is free."""
    sink.ship_batch(story.batch(*(story.event(payload={"x": "y" * 3000}) for _ in range(500))))
    with closing(sqlite3.connect(sink.destination())) as connection, connection:
        connection.execute("DELETE FROM run_events WHERE id % 5")
    return sink.destination()


def done(database: str, wait: float = 1) -> Compacted:
    return compact(database, wait=wait, progress=lambda done, total: None)


def ask(path: str, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_the_file_becomes_smaller_and_keeps_its_rows(database: str) -> None:
    rows = ask(database, "SELECT * FROM run_events")
    compacted = done(database)
    assert compacted.after < compacted.before / 2
    assert compacted.after == os.path.getsize(database)
    assert ask(database, "SELECT * FROM run_events") == rows
    assert verify(database) == []


def test_from_then_on_it_gives_free_pages_back(database: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
    done(database)
    assert ask(database, "PRAGMA auto_vacuum") == [(2,)]


def test_a_sink_goes_on_with_the_new_file(database: str, sink: SqliteSink, story: Story) -> None:
    done(database)
    sink.ship_batch(story.batch(story.event("after")))
    assert ask(database, "SELECT count(*) FROM run_events WHERE event_id = 'after'") == [(1,)]


def test_a_disk_without_the_room_is_said_with_how_much_is_needed(database: str) -> None:
    with pytest.raises(DatabaseUnusableError, match="1,000,000,016,777,216 bytes are needed"):
        refuse_without_room(database, 10**15)


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_who_keeps_it_locked_keeps_it_as_it_is(database: str, kind: str) -> None:
    before = Path(database).read_bytes()
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute(f"BEGIN {kind}")
        with pytest.raises(DatabaseUnusableError, match="another program keeps it locked"):
            done(database, wait=0)
    assert Path(database).read_bytes() == before


def test_an_older_database_is_to_be_migrated_first(oldest: Path) -> None:
    with pytest.raises(DatabaseUnusableError, match="telemetry db migrate"):
        done(str(oldest))


def test_killed_at_any_moment_the_old_or_the_new_file_is_there_with_all_that_was_written(
    database: str, sink: SqliteSink, story: Story
) -> None:
    written = 0
    for delay in range(10):
        with repeated(lambda: done(database, wait=30)):
            for _ in range(delay):
                sink.ship_batch(story.batch(story.event(f"written-{written}")))
                written += 1
        assert verify(database) == []

    done(database, wait=30)

    sql = "SELECT count(*) FROM run_events WHERE event_id LIKE 'written-%'"
    assert ask(database, sql) == [(written,)]
    assert not any("unfinished" in name for name in os.listdir(Path(database).parent))
