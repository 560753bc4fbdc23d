"""A service can be asked for what a database can be asked for, whichever kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telemetry_http_api import AmbiguousIdError, APIError, APIUnavailableError, RunFilter
from telemetry_http_api import queries as module

from telemetry_core import Batch, UnknownStatusError, iso8601
from tests.plugins.http_api.conftest import calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry import RunsServer, Story
    from telemetry_http_api import HttpApiSink, RunsOverHttp

    from telemetry_core import Record
    from tests.plugins.http_api.conftest import Ship, Sinks


@pytest.fixture
def store(either: RunsServer, sink_for: Sinks) -> RunsOverHttp:
    return sink_for(either).runs_store()


@pytest.fixture
def runs(told: Ship, story: Story) -> list[Record]:
    """Three runs, of which the second has ended."""
    stories = [story.run(job_type=f"job-{n}", agent_name="ab"[n % 2]) for n in range(3)]
    told(*(start for start, _ in stories), stories[1][1])
    return [start for start, _ in stories]


def body(record: Record) -> Any:
    return record.body


def ids(records: list[Record]) -> list[str]:
    return [body(record).run_id for record in records]


def test_runs_come_the_newest_first_with_every_field(
    store: RunsOverHttp, runs: list[Record]
) -> None:
    rows = store.list_runs().rows
    assert [row["run_id"] for row in rows] == ids(runs)[::-1]
    assert [row["status"] for row in rows] == ["running", "success", "running"]
    assert {"revision", "inferred", "id", "metrics_json"} <= rows[0].keys()


def test_pages_follow_each_other_until_the_end(store: RunsOverHttp, runs: list[Record]) -> None:
    first = store.list_runs(limit=2)
    second = store.list_runs(limit=2, after=first.next)
    assert [len(first.rows), len(second.rows), second.next] == [2, 1, None]
    assert {row["run_id"] for row in first.rows + second.rows} == set(ids(runs))
    assert [row["run_id"] for row in store.list_runs(offset=2).rows] == ids(runs)[:1]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({"agent_name": "b"}, [1]),
        ({"job_type": "job-2"}, [2]),
        ({"status": "succeeded"}, [1]),
        ({"agent_name": "a", "status": "running"}, [2, 0]),
        ({"agent_name": ""}, [2, 1, 0]),
        ({"agent_name": "nobody"}, []),
    ],
)
def test_a_filter_chooses_among_them(
    store: RunsOverHttp, runs: list[Record], which: dict[str, str], found: list[int]
) -> None:
    rows = store.list_runs(RunFilter(**which)).rows
    assert [row["run_id"] for row in rows] == [ids(runs)[n] for n in found]


def test_a_window_of_start_times_is_in_their_order(store: RunsOverHttp, runs: list[Record]) -> None:
    since = RunFilter(start_time_from=body(runs[1]).start_time)
    rows = store.list_runs(since, by="start_time").rows
    assert [row["run_id"] for row in rows] == ids(runs)[:0:-1]


def test_a_status_that_no_run_has_is_refused_here(store: RunsOverHttp) -> None:
    with pytest.raises(UnknownStatusError):
        store.list_runs(RunFilter(status="sleeping"))


def test_a_run_is_found_by_either_id_or_the_beginning_of_one(
    store: RunsOverHttp, runs: list[Record]
) -> None:
    run = body(runs[1])
    for known in (run.event_id, run.run_id, run.event_id[:13], run.run_id[:-4]):
        assert (store.find_run(known) or {})["event_id"] == run.event_id
    assert store.find_run("nobody") is store.find_run("") is None


def test_the_beginning_of_several_ids_is_none_of_them(
    store: RunsOverHttp, runs: list[Record]
) -> None:
    with pytest.raises(AmbiguousIdError, match="say more of it"):
        store.find_run("2026")


def test_a_run_comes_as_the_record_that_was_told(store: RunsOverHttp, runs: list[Record]) -> None:
    found = store.get_run(ids(runs)[0])
    assert found is not None
    assert (found.event_id, found.metrics_json) == (body(runs[0]).event_id, {"pages": 3})
    assert store.get_run("nobody") is None


def test_children_are_those_of_one_run(store: RunsOverHttp, told: Ship, story: Story) -> None:
    parent = story.run()[0]
    children = [story.run(parent_run_id=body(parent).run_id)[0] for _ in range(2)]
    told(parent, *children, story.run(parent_run_id="another")[0])
    rows = store.children(body(parent).run_id)
    assert [row["run_id"] for row in rows] == ids(children)


def test_figures_are_of_all_runs_that_are_meant(store: RunsOverHttp, runs: list[Record]) -> None:
    figures = store.figures()
    assert (figures["runs"], figures["success_rate"]) == (3, 1.0)
    assert figures["by_status"] == {"running": 2, "success": 1}
    assert [agent["agent"] for agent in figures["by_agent"]] == ["a", "b"]
    assert figures["by_job"][1]["p50_ms"] == 1000
    assert [hour["hour"] for hour in figures["by_hour"]] == ["2026-01-01T12:00:00Z"]
    assert store.figures(RunFilter(job_type="none"))["runs"] == 0


def test_figures_of_very_many_runs_say_that_they_are_of_some(
    store: RunsOverHttp,
    runs: list[Record],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "_COUNTED", 3)
    assert store.figures()["runs"] == 3
    assert "the newest 3 runs" in caplog.text


def test_stats_count_everything(store: RunsOverHttp, runs: list[Record]) -> None:
    stats = store.get_stats(now_ns=body(runs[0]) and 1_767_268_860 * 10**9)
    assert (stats["total_runs"], stats["agents"]) == (3, {"a": 2, "b": 1})
    assert stats["by_status"] == {"running": 2, "success": 1}
    assert stats["timestamp"] == iso8601(1_767_268_860 * 10**9)


def test_names_serve_completion(store: RunsOverHttp, runs: list[Record]) -> None:
    assert [*store.agent_names()] == ["a", "b"]
    assert [*store.job_types()] == ["job-0", "job-1", "job-2"]
    assert store.ids_beginning("20260101T", limit=2) == ids(runs)[:0:-1]
    assert store.ids_beginning("2027") == []


def test_a_follower_tells_what_is_new_and_what_changed(
    store: RunsOverHttp, told: Ship, story: Story, runs: list[Record]
) -> None:
    follower = store.follow(store.where())
    assert [row["run_id"] for row in follower.latest(2)] == ids(runs)[1:]
    assert follower.runs() == []
    start, end = story.run()
    told(start)
    assert [row["status"] for row in follower.runs()] == ["running"]
    told(end)
    assert [row["status"] for row in follower.runs()] == ["success"]
    assert follower.runs() == []


def test_a_follower_with_a_filter_tells_of_no_others(
    store: RunsOverHttp, told: Ship, story: Story, runs: list[Record]
) -> None:
    follower = store.follow(store.where(status="success"))
    assert len(follower.latest(10)) == 1
    start, end = story.run()
    told(start)
    assert follower.runs() == []
    told(end)
    assert len(follower.runs()) == 1


def test_events_come_in_their_order_and_page_by_page(
    sink: HttpApiSink, ship: Ship, story: Story
) -> None:
    start = story.run()[0]
    events = [story.event(run_id=body(start).run_id, payload={"n": n}) for n in range(3)]
    ship(start, *events)
    store = sink.runs_store()
    first = store.list_events(body(start).run_id, limit=2)
    rest = store.list_events(body(start).run_id, after=first.next)  # type: ignore[arg-type]
    assert [row["payload_json"] for row in first.rows + rest.rows] == [{"n": n} for n in range(3)]


def test_a_follower_tells_events_that_came_since(
    sink: HttpApiSink, ship: Ship, story: Story
) -> None:
    start = story.run()[0]
    old, new = (story.event(run_id=body(start).run_id) for _ in range(2))
    ship(start, old)
    store = sink.runs_store()
    follower = store.follow(store.where())
    assert follower.events() == []
    ship(new)
    assert [row["event_id"] for row in follower.events()] == [new.id]
    assert follower.events() == []


def test_where_events_have_no_place_there_are_none(
    old_sink: HttpApiSink, ship_old: Ship, story: Story
) -> None:
    start = story.run()[0]
    ship_old(start)
    assert old_sink.runs_store().list_events(body(start).run_id).rows == []


QUESTIONS: dict[str, Callable[[RunsOverHttp], object]] = {
    "list": lambda store: store.list_runs(),
    "one": lambda store: store.get_run("r"),
    "stats": lambda store: store.get_stats(),
    "names": lambda store: store.job_types(),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_service_that_is_down_is_named(
    store: RunsOverHttp, either: RunsServer, question: Callable[[RunsOverHttp], object]
) -> None:
    either.down()
    with pytest.raises(APIUnavailableError, match=rf"{either.url} does not answer .* running"):
        question(store)


@pytest.mark.parametrize("status", [500, 401, 302, 404])
def test_a_service_in_trouble_says_so(store: RunsOverHttp, either: RunsServer, status: int) -> None:
    either.fail(status)
    with pytest.raises(APIError):
        store.list_runs()


def test_a_store_serves_a_process_that_closed_its_sink(
    sink: HttpApiSink, server: RunsServer, story: Story
) -> None:
    store = sink.runs_store()
    sink.ship_batch(Batch((story.run()[0],), deadline=sink.clock.monotonic() + 10))
    sink.close()
    assert len(store.list_runs().rows) == 1
    assert calls(server)[-1] == "GET /api/v1/runs"
