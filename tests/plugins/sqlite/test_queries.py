from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import AmbiguousIdError, RunFilter, RunQueries, SqliteSink, listing

from telemetry_core.errors import UnknownStatusError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugins.sqlite.conftest import Story

    Ask = Callable[[str], list[Any]]
    Tell = Callable[..., None]

DAY = "2026-01-01"


@pytest.fixture
def tell(sink: SqliteSink, story: Story) -> Tell:
    """Store a run."""

    def tell(name: str, **fields: Any) -> None:
        run = story.a_run(run_id=name, event_id=f"uuid-{name}", **fields)
        assert sink.ship_batch(story.batch(story.run(run))).rejected == {}

    return tell


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["run_id"] for row in rows]


def test_where_no_database_has_been_begun_there_is_nothing(tmp_path: Path) -> None:
    queries = RunQueries(str(tmp_path / "none.sqlite"))

    assert queries.list_runs().rows == []
    assert queries.find_run("run-1") is None
    assert queries.list_events("run-1").rows == []
    assert queries.get_stats()["total_runs"] == 0
    assert list(tmp_path.iterdir()) == []


def test_runs_come_newest_first_and_those_of_one_moment_as_they_came(
    tell: Tell, queries: RunQueries
) -> None:
    tell("old", start_time=f"{DAY}T10:00:00Z")
    tell("same-1", start_time=f"{DAY}T11:00:00Z")
    tell("same-2", start_time=f"{DAY}T13:00:00+02:00")
    tell("new", start_time=f"{DAY}T12:00:00Z")

    assert names(queries.list_runs().rows) == ["new", "same-1", "same-2", "old"]


def test_pages_by_place_and_by_offset_give_every_run_once(tell: Tell, queries: RunQueries) -> None:
    for number in range(7):
        tell(f"run-{number}", start_time=f"{DAY}T12:0{number // 3}:00Z")
    everything = names(queries.list_runs().rows)

    page, seen = queries.list_runs(limit=2), []
    while True:
        seen += names(page.rows)
        if page.next is None:
            break
        page = queries.list_runs(limit=2, after=page.next)

    assert seen == everything
    assert names(queries.list_runs(limit=2, offset=5).rows) == everything[5:]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"agent_name": "a"}, ["3", "1"]),
        ({"agent_name": "a", "job_type": "import"}, ["3"]),
        ({"job_type": "nightly"}, ["2", "1"]),
        ({"status": "failed"}, ["2"]),
        ({"status": " RUNNING "}, ["3", "1"]),
        ({"agent_name": ""}, ["3", "2", "1"]),
        ({"agent_name": "\udcff"}, []),
        ({"created_after": f"{DAY}T11:00:00Z"}, ["3", "2"]),
        ({"created_before": f"{DAY}T13:00:00+01:00"}, ["1"]),
        ({"start_time_from": f"{DAY}T12:00:00Z", "start_time_to": f"{DAY}T12:00:00Z"}, ["2"]),
        ({"parent_run_id": "1"}, ["2"]),
    ],
)
def test_filters_narrow_the_list(
    tell: Tell, queries: RunQueries, wanted: dict[str, str], found: list[str]
) -> None:
    tell("1", agent_name="a", start_time=f"{DAY}T11:00:00Z")
    tell("2", agent_name="b", start_time=f"{DAY}T12:00:00Z", status="failure", parent_run_id="1")
    tell("3", agent_name="a", start_time=f"{DAY}T13:00:00Z", job_type="import")

    assert names(queries.list_runs(RunFilter(**wanted)).rows) == found


def test_a_status_that_no_run_has_is_an_error(queries: RunQueries) -> None:
    with pytest.raises(UnknownStatusError, match="exploded"):
        queries.list_runs(RunFilter(status="exploded"))


def test_a_run_is_found_by_either_id_or_the_only_beginning_of_one(
    tell: Tell, queries: RunQueries
) -> None:
    tell("20260101T120000Z-crawler-0a")
    tell("20260102T120000Z-crawler-0b")

    found = [
        queries.find_run("20260101T120000Z-crawler-0a"),
        queries.find_run("uuid-20260101T120000Z-crawler-0a"),
        queries.find_run("20260101"),
        queries.find_run("uuid-20260101"),
    ]

    assert found[0] is not None
    assert found == [found[0]] * 4


def test_what_is_asked_for_as_a_record_must_be_named_whole(tell: Tell, queries: RunQueries) -> None:
    tell("run-1", metrics_json={"pages": 3})

    found = queries.get_run("run-1")

    assert found is not None
    assert (found.event_id, found.metrics_json) == ("uuid-run-1", {"pages": 3})
    assert queries.get_run("run") is None


def test_a_beginning_of_several_ids_names_them(tell: Tell, queries: RunQueries) -> None:
    tell("run-a")
    tell("run-b")

    with pytest.raises(AmbiguousIdError, match="run-a, run-b"):
        queries.find_run("run")


@pytest.mark.parametrize("id", ["", "nobody", "\udcff", "%", "run_1", "run-1\x00"])
def test_an_id_of_no_run_finds_nothing(tell: Tell, queries: RunQueries, id: str) -> None:
    tell("run-1")

    assert queries.find_run(id) is None


def test_of_several_runs_with_one_run_id_the_newest_is_found(
    sink: SqliteSink, story: Story, queries: RunQueries
) -> None:
    first = story.run(story.a_run(event_id="first", start_time=f"{DAY}T10:00:00Z"))
    second = story.run(story.a_run(event_id="second", start_time=f"{DAY}T11:00:00Z"))
    sink.ship_batch(story.batch(second, first))

    found = queries.find_run("run-1")

    assert found is not None
    assert found["event_id"] == "second"


def test_events_come_in_the_order_of_their_time_page_by_page(
    sink: SqliteSink, story: Story, queries: RunQueries
) -> None:
    events = [story.event(payload={"n": number}) for number in range(5)]
    sink.ship_batch(story.batch(*reversed(events), story.event(run_id="another")))

    page = queries.list_events("run-1", limit=3)
    rest = queries.list_events("run-1", limit=3, after=page.next)

    assert [row["payload_json"]["n"] for row in page.rows + rest.rows] == [0, 1, 2, 3, 4]
    assert rest.next is None


def test_children_come_in_the_order_of_their_start(tell: Tell, queries: RunQueries) -> None:
    tell("late", parent_run_id="run-1", start_time=f"{DAY}T13:00:00Z")
    tell("early", parent_run_id="run-1", start_time=f"{DAY}T12:00:00Z")
    tell("stranger")

    assert names(queries.children("run-1")) == ["early", "late"]


def test_figures_count_runs_by_status_agent_and_day(tell: Tell, queries: RunQueries) -> None:
    tell("1", agent_name="a", status="success", start_time="2026-01-01T12:00:00Z")
    tell("2", agent_name="b", status="failure", start_time="2026-01-02T11:00:00Z")
    tell("3", agent_name="b", start_time="2026-01-02T13:00:00+05:00")

    stats = queries.get_stats(now_ns=1_767_358_800_000_000_000)  # 2026-01-02T13:00:00Z

    assert stats == {
        "total_runs": 3,
        "by_status": {"failure": 1, "running": 1, "success": 1},
        "agents": {"b": 2, "a": 1},
        "recent_24h": 2,
        "pending_api_posts": 2,
        "timestamp": "2026-01-02T13:00:00.000000+00:00",
    }


def test_a_creation_that_is_no_text_keeps_no_window_from_being_listed(
    tell: Tell, queries: RunQueries, sink: SqliteSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_FEW_ROWS", 0)  # as where there are many
    monkeypatch.setattr(listing, "_FEW_STARTS", 0)
    for name in ("run-1", "run-2", "run-3"):
        tell(name, start_time=f"{DAY}T10:00:00Z", created_at="2026-01-03T10:00:00Z")
    with closing(sqlite3.connect(sink.destination())) as connection, connection:
        connection.execute("UPDATE agent_runs SET created_at = x'01' WHERE run_id = 'run-1'")

    window = RunFilter(start_time_from=f"{DAY}T09:00:00Z")

    assert names(queries.list_runs(window).rows) == ["run-2", "run-3"]


def test_json_that_another_program_spoilt_stays_text_beside_its_error(
    tell: Tell, queries: RunQueries, sink: SqliteSink
) -> None:
    tell("run-1", metrics_json="{not json", context_json='{"a": 1}')

    (row,) = queries.list_runs().rows

    assert row["metrics_json"] == "{not json"
    assert "metrics_json_parse_error" in row
    assert row["context_json"] == {"a": 1}


@pytest.mark.parametrize(
    "rest",
    [
        "ORDER BY created_at DESC, id",
        "WHERE agent_name = 'a' ORDER BY created_at DESC, id",
        "WHERE status = 'success' ORDER BY created_at DESC, id",
        "WHERE job_type = 'j' ORDER BY created_at DESC, id",
        "WHERE created_at <= 'x' AND (created_at < 'x' OR id > 1) ORDER BY created_at DESC, id",
        "WHERE run_id >= 'a' AND run_id < 'b' ORDER BY run_id",
        "WHERE parent_run_id = 'p'",
        "WHERE api_posted = 0 AND status <> 'running' ORDER BY created_at, id",
    ],
)
def test_no_list_of_runs_is_sorted_or_read_without_an_index(
    tell: Tell, rows: Ask, rest: str
) -> None:
    tell("run-1")

    plan = str(rows(f"EXPLAIN QUERY PLAN SELECT * FROM agent_runs {rest}"))

    assert "INDEX" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("place", ["", "AND (timestamp, id) > ('t', 1)"])
def test_events_of_a_run_are_read_in_the_order_of_their_index(
    tell: Tell, rows: Ask, place: str
) -> None:
    tell("run-1")
    query = f"SELECT * FROM run_events WHERE run_id = 'r' {place} ORDER BY timestamp, id"

    plan = str(rows(f"EXPLAIN QUERY PLAN {query}"))

    assert "idx_events_run" in plan
    assert "TEMP B-TREE" not in plan
