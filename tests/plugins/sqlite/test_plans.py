"""No question of a list makes SQLite sort or read a whole table, however it is put together."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain, combinations, product
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import Readers, RunFilter, RunQueries, SqliteSink

from telemetry_core import iso8601
from tests.plugins.sqlite.conftest import NOON, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from sqlite3 import Connection

    from telemetry_core import Record
    from tests.plugins.sqlite.conftest import Story

EQUAL = {
    "agent_name": "crawler",
    "job_type": "nightly",
    "status": "success",
    "parent_run_id": "run-1",
    "run_id": "run-2",
}
EARLY, LATE = iso8601(NOON + 60 * SECOND), iso8601(NOON + 7200 * SECOND)
CREATED: tuple[dict[str, str], ...] = ({}, {"created_after": EARLY}, {"created_before": LATE})
WINDOWS: tuple[dict[str, str], ...] = (
    {},
    {"start_time_from": EARLY},
    {"start_time_from": EARLY, "start_time_to": LATE},
)
PLACES = (None, (EARLY, 5))
CHOICES = list(chain.from_iterable(combinations(EQUAL, number) for number in range(6)))


class Watched(Readers):
    """Readers that note the statements."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.asked: list[str] = []

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        with super().reading() as connection:
            if connection is not None:
                connection.set_trace_callback(self.asked.append)
            yield connection

    def plans(self) -> Iterator[list[str]]:
        """Give the plan of each statement that read the table."""
        with super().reading() as connection:
            assert connection is not None
            connection.set_trace_callback(None)
            for sql in filter(lambda sql: "agent_runs" in sql, self.asked):
                yield [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a database with so many runs that they are not few, created soon after their start."""
    from tests.plugins.sqlite.conftest import Story

    story, sink = Story(), SqliteSink(base_dir=tmp_path_factory.mktemp("plans"))
    for first in range(0, 4000, 500):
        sink.ship_batch(story.batch(*(run_of(story, first + one) for one in range(500))))
    sink.close()
    return sink.destination()


def run_of(story: Story, number: int) -> Record:
    start = NOON + number * 2 * SECOND
    times = {"start_time": iso8601(start), "created_at": iso8601(start + number % 9)}
    return story.run(story.a_run(event_id=f"e{number}", status="success", **times))


def fine(plan: list[str]) -> bool:
    """Whether every step finds by an index what it reads, and sorts only a window."""
    scans = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
    sorts = any("TEMP B-TREE" in step for step in plan)
    known = not sorts or any("INDEX idx_runs_start" in step for step in plan)
    return known and all(scan.startswith(("SCAN json_each", "SCAN (")) for scan in scans)


@pytest.mark.parametrize("choice", CHOICES, ids="-".join)
def test_every_question_is_answered_along_an_index(path: str, choice: tuple[str, ...]) -> None:
    readers = Watched(path)
    queries = RunQueries(path, readers)
    equal = {name: EQUAL[name] for name in choice}
    for created, window, place in product(CREATED, WINDOWS, PLACES):
        queries.list_rows(RunFilter(**equal, **created, **window), after=place)
    assert [plan for plan in readers.plans() if not fine(plan)] == []
    readers.close()


@pytest.mark.parametrize(
    ("choice", "index"),
    [
        ((), "idx_runs_created (created_at<?)"),
        (("agent_name",), "idx_runs_agent_created (agent_name=? AND created_at<?)"),
        (("job_type",), "idx_runs_job_type_created (job_type=? AND created_at<?)"),
        (("status",), "idx_runs_status_created (status=? AND created_at<?)"),
        (
            ("agent_name", "job_type"),
            "idx_runs_agent_job_type_created (agent_name=? AND job_type=? AND",
        ),
        (("agent_name", "status"), "idx_runs_agent_status_created (agent_name=? AND status=? AND"),
        (("job_type", "status"), "idx_runs_job_type_status_created (job_type=? AND status=? AND"),
        (
            ("agent_name", "job_type", "status"),
            "idx_runs_agent_job_type_status_created (agent_name=? AND job_type=? AND status=? AND",
        ),
        (("agent_name", "run_id", "status"), "idx_runs_run_id (run_id=? AND created_at<?)"),
        (("job_type", "parent_run_id"), "idx_runs_parent (parent_run_id=? AND created_at<?)"),
    ],
)
def test_each_choice_has_an_index_in_the_order_of_the_list(
    path: str, choice: tuple[str, ...], index: str
) -> None:
    readers = Watched(path)
    which = RunFilter(**{name: EQUAL[name] for name in choice}, created_before=LATE)
    RunQueries(path, readers).list_rows(which)
    ((plan,),) = readers.plans()
    assert index in plan
    readers.close()


def test_a_large_window_is_sought_where_its_runs_were_created(path: str) -> None:
    readers = Watched(path)
    RunQueries(path, readers).list_rows(RunFilter(start_time_from=EARLY, start_time_to=LATE))
    assert any("created_at >= '2026-01-01T12:01'" in sql for sql in readers.asked)
    readers.close()


def test_runs_created_long_after_their_start_are_decided_on_without_being_read(path: str) -> None:
    readers = Watched(path)
    equal = {name: EQUAL[name] for name in ("agent_name", "job_type", "status")}
    RunQueries(path, readers).list_rows(
        RunFilter(**equal, start_time_from=EARLY, created_before=LATE)
    )
    apart = [step for plan in readers.plans() for step in plan if "idx_runs_apart" in step]
    assert len(apart) == 4
    assert all("USING COVERING INDEX" in step for step in apart)
    readers.close()


def test_a_read_has_at_most_a_thousand_rows_and_one(path: str) -> None:
    readers = Watched(path)
    found = RunQueries(path, readers).list_rows(limit=2500)
    reads = [int(sql.rsplit("LIMIT ")[1].split()[0]) for sql in readers.asked if "OFFSET" in sql]
    assert len(found.rows) == 2500
    assert max(reads) == 1001
    readers.close()


def test_where_indexes_are_missing_the_answers_are_the_same(path: str, tmp_path: Path) -> None:
    import shutil
    import sqlite3
    from contextlib import closing

    bare = str(shutil.copy(path, tmp_path / "bare.sqlite"))
    with closing(sqlite3.connect(bare)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'idx_runs%'")
        for (name,) in names.fetchall():
            connection.execute(f"DROP INDEX {name}")
    which = RunFilter(agent_name="crawler", start_time_from=EARLY, start_time_to=LATE)
    assert RunQueries(bare).list_rows(which) == RunQueries(path).list_rows(which)
