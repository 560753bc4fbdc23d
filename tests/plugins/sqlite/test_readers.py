from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import (
    DatabaseBusyError,
    DatabaseUnusableError,
    Readers,
    RunQueries,
    SqliteSink,
    UnknownSchemaError,
)

from tests.forked import ended, forked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugins.sqlite.conftest import Story


@pytest.fixture
def readers(sink: SqliteSink) -> Iterator[Readers]:
    with closing(Readers(sink.destination(), patience=0.1)) as readers:
        yield readers


@pytest.fixture
def kept(sink: SqliteSink, readers: Readers) -> RunQueries:
    return RunQueries(sink.destination(), readers)


def connection_of(readers: Readers) -> int:
    with readers.reading() as connection:
        return id(connection)


def test_a_connection_is_kept_for_the_next_question(
    sink: SqliteSink, story: Story, readers: Readers
) -> None:
    sink.ship_batch(story.batch(story.run()))
    assert len({connection_of(readers) for _ in range(5)}) == 1


def test_a_database_that_begins_later_is_found(
    sink: SqliteSink, story: Story, kept: RunQueries
) -> None:
    assert kept.list_rows().rows == []
    os.makedirs(os.path.dirname(sink.destination()))
    Path(sink.destination()).touch()
    assert kept.totals().total_runs == 0
    sink.ship_batch(story.batch(story.run()))
    assert kept.count() == 1


def test_what_others_commit_is_seen_at_once(
    sink: SqliteSink, story: Story, kept: RunQueries
) -> None:
    for number in range(3):
        sink.ship_batch(story.batch(story.run(story.a_run(event_id=f"e{number}"))))
        assert kept.count() == len(kept.list_rows().rows) == number + 1


def test_a_database_that_was_removed_or_replaced_is_noticed(
    sink: SqliteSink, story: Story, kept: RunQueries, tmp_path: Path
) -> None:
    sink.ship_batch(story.batch(story.run()))
    copy = shutil.copy(sink.destination(), tmp_path / "copy.sqlite")
    sink.ship_batch(story.batch(story.run(story.a_run(event_id="another"))))
    assert kept.count() == 2
    os.replace(copy, sink.destination())
    assert kept.count() == 1
    os.unlink(sink.destination())
    assert kept.count() == 0


def test_no_lock_is_held_between_two_questions(
    sink: SqliteSink, story: Story, kept: RunQueries
) -> None:
    sink.ship_batch(story.batch(story.run()))
    kept.list_rows()
    with closing(sqlite3.connect(sink.destination(), timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")


def test_a_database_that_stays_locked_is_said_to_be_so_and_read_afterwards(
    sink: SqliteSink, story: Story, kept: RunQueries
) -> None:
    sink.ship_batch(story.batch(story.run()))
    kept.list_rows()
    with closing(sqlite3.connect(sink.destination(), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseBusyError, match="database is locked"):
            kept.list_rows()
    assert kept.count() == 1


def test_another_programs_database_is_refused(sink: SqliteSink, kept: RunQueries) -> None:
    os.makedirs(os.path.dirname(sink.destination()))
    with closing(sqlite3.connect(sink.destination())) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(UnknownSchemaError):
        kept.count()


def test_nobody_writes_through_them(sink: SqliteSink, story: Story, readers: Readers) -> None:
    sink.ship_batch(story.batch(story.run()))
    with readers.reading() as connection:
        assert connection is not None
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM agent_runs")


def test_many_threads_read_while_one_writes(sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.run()))
    readers = Readers(sink.destination())
    kept = RunQueries(sink.destination(), readers)
    sums: list[bool] = []

    def read() -> None:
        for _ in range(20):
            totals = kept.totals()
            sums.append(totals.total_runs == sum(totals.agents.values()) > 0)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(10):
        sink.ship_batch(story.batch(story.run(story.a_run(event_id=f"e{number}"))))
    for thread in threads:
        thread.join()
    readers.close()
    assert (len(sums), all(sums)) == (120, True)


def test_closed_they_begin_anew(sink: SqliteSink, story: Story, readers: Readers) -> None:
    sink.ship_batch(story.batch(story.run()))
    with readers.reading() as connection:
        readers.close()
    assert connection is not None
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
    with readers.reading() as another:
        assert another is not None


def test_a_forked_child_is_refused_and_the_parent_goes_on(
    sink: SqliteSink, story: Story, readers: Readers, kept: RunQueries
) -> None:
    sink.ship_batch(story.batch(story.run()))
    assert kept.count() == 1

    def use() -> None:
        with pytest.raises(DatabaseUnusableError, match="make new Readers in the child"):
            kept.count()
        readers.close()
        assert RunQueries(sink.destination(), Readers(sink.destination())).count() == 1

    assert ended(forked(use)) == 0
    assert kept.count() == 1


def test_queries_without_readers_keep_a_connection_as_long_as_they_live(
    sink: SqliteSink, story: Story
) -> None:
    sink.ship_batch(story.batch(story.run()))
    sink.close()
    queries = RunQueries(sink.destination())
    assert not is_open(sink.destination())
    assert queries.count() == 1
    assert is_open(sink.destination())
    del queries
    assert not is_open(sink.destination())


def is_open(path: str) -> bool:
    """Whether this process has the file open."""
    found = Path("/proc/self/fd")
    if not found.exists():
        pytest.skip("the system does not tell what is open")
    return any(os.path.realpath(one) == os.path.realpath(path) for one in found.iterdir())


def test_queries_without_readers_go_on_in_a_forked_child_and_in_its_parent(
    sink: SqliteSink, story: Story
) -> None:
    sink.ship_batch(story.batch(story.run()))
    queries = RunQueries(sink.destination())
    assert queries.count() == 1

    def use() -> None:
        assert queries.count() == 1
        SqliteSink(sink.destination()).ship_batch(
            story.batch(story.run(story.a_run(event_id="of the child")))
        )
        assert queries.count() == 2

    assert ended(forked(use)) == 0
    assert queries.count() == 2
