"""A service that knows runs only is told everything of a run, and of no run too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from pytest_telemetry import Response

from telemetry_core import Batch, Kind, Lane, Record, RunRecord
from tests.plugins.http_api.conftest import TOKEN, calls, shipping

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, Request, RunsServer, Story

    from tests.plugins.http_api.conftest import Ship, Sinks

BATCH = "POST /api/v1/runs/batch"
PATCH = "PATCH /api/v1/runs/ID"
GET = "GET /api/v1/runs/ID"


def run_of(record: Record) -> RunRecord:
    assert isinstance(record.body, RunRecord)
    return record.body


def changed(record: Record, kind: Kind = Kind.UPDATE_RUN, /, **fields: Any) -> Record:
    """Return the record of the same run, told later."""
    run = run_of(record)
    later = evolve(run, revision=run.revision + 1, **fields)
    return Record(f"{record.id}-{kind}-{later.revision}", kind, 9, 0, Lane.CRITICAL, later)


@pytest.fixture
def asked(reference: RunsServer) -> Any:
    """Return what tells what the service was asked since the last time."""
    seen = 0

    def since() -> list[str]:
        nonlocal seen
        shown, seen = calls(reference)[seen:], len(reference.requests)
        return shown

    return since


@pytest.fixture
def in_its_place(reference: RunsServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what has something else answer certain requests."""
    handle = reference.handle

    def put(asked: str, told: Any) -> None:
        def odd(request: Request) -> Response:
            answer = handle(request)
            return Response.json(told) if calls(reference)[-1] == asked else answer

        monkeypatch.setattr(reference, "handle", odd)

    return put


def test_it_is_recognised_once_and_gets_a_row_for_a_run(
    ship_old: Ship, story: Story, reference: RunsServer, asked: Any
) -> None:
    start, end = story.run()
    assert ship_old(start).delivered == {start.id}
    assert asked() == ["POST /api/v1/records", "GET /api/v1/runs", BATCH]
    assert ship_old(end).delivered == {end.id}
    assert asked() == [PATCH]
    (run,) = reference.runs.values()
    assert (run["status"], run["end_time"]) == ("success", run_of(end).end_time)


def test_a_service_that_was_replaced_by_ours_is_noticed_later(
    ship_old: Ship, story: Story, reference: RunsServer, clock: FakeClock
) -> None:
    ship_old(story.run()[0])
    reference.reference = False
    start = story.run()[0]
    assert ship_old(start).delivered == {start.id}
    assert calls(reference)[-1] == BATCH
    clock.advance(601)
    ship_old(start)
    assert calls(reference)[-1] == "POST /api/v1/records"


def test_before_an_event_is_rejected_the_service_is_asked_whether_it_has_a_place_now(
    ship_old: Ship, story: Story, reference: RunsServer
) -> None:
    ship_old(story.run()[0])
    early, late = story.event(), story.event()
    assert ship_old(early).rejected.keys() == {early.id}
    reference.reference = False
    assert ship_old(late).delivered == {late.id}
    assert [one["event_id"] for one in reference.events] == [late.id]


def test_an_event_has_no_place_there_and_says_so(ship_old: Ship, story: Story) -> None:
    start, event = story.run()[0], story.event()
    receipt = ship_old(start, event)
    assert receipt.delivered == {start.id}
    assert (receipt.rejected[event.id].code, receipt.rejected[event.id].certain) == (
        "no_place_for_events",
        True,
    )


def test_an_end_that_was_told_while_the_service_was_down_is_not_lost(
    ship_old: Ship, story: Story, reference: RunsServer
) -> None:
    start, end = story.run(created_at=None)
    reference.down()
    assert not ship_old(start, end).delivered
    reference.up()
    assert ship_old(end, start).delivered == {start.id, end.id}
    (run,) = reference.runs.values()
    assert (run["status"], run["created_at"]) == ("success", run_of(start).start_time)


def test_what_was_created_by_another_program_is_compared_and_patched(
    sink_for: Sinks, story: Story, reference: RunsServer, asked: Any
) -> None:
    start, end = story.run()
    shipping(sink_for(reference))(start)
    asked()
    assert shipping(sink_for(reference))(end).delivered == {end.id}
    assert asked()[-3:] == [BATCH, GET, PATCH]
    assert reference.run(run_of(end).event_id)["status"] == "success"


def test_what_is_said_already_is_not_said_again(
    sink_for: Sinks, story: Story, reference: RunsServer, asked: Any
) -> None:
    start, end = story.run()
    ship = shipping(sink_for(reference))
    ship(start, end)
    assert asked()[-1] == BATCH
    assert len(ship(start, end).delivered) == 2
    assert asked() == []
    assert len(shipping(sink_for(reference))(start, end).delivered) == 2
    assert asked()[-2:] == [BATCH, GET]


FIELDS: dict[str, Any] = {
    "items_discovered": 5,
    "items_succeeded": 4,
    "items_failed": 1,
    "items_skipped": 2,
    "input_summary": "in",
    "output_summary": "out",
    "error_details": "trace",
    "metrics_json": {"pages": 9},
    "product": "words",
    "agent_owner": "ada",
    "insight_id": "i-1",
}


def all_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a service says of a run, in columns or beside them."""
    others = (row["context_json"] or {}).get("fields_without_column", {})
    return {name: others.get(name, row.get(name)) for name in FIELDS}


def test_whatever_is_told_at_the_end_is_kept_somewhere(
    ship_old: Ship, story: Story, reference: RunsServer
) -> None:
    start, _ = story.run()
    ship_old(start)
    ship_old(changed(start, Kind.END_RUN, status="success", **FIELDS))
    row = reference.run(run_of(start).event_id)
    assert all_of(row) == FIELDS
    assert row["context_json"]["argv"] == ["crawl"]


def test_what_was_kept_beside_the_columns_stays_when_more_is_told(
    sink_for: Sinks, story: Story, reference: RunsServer
) -> None:
    start, _ = story.run()
    update = changed(start, **FIELDS)
    shipping(sink_for(reference))(start, update)
    end = changed(update, Kind.END_RUN, status="success", context_json={"last": 1})
    shipping(sink_for(reference))(end)
    row = reference.run(run_of(start).event_id)
    assert all_of(row) == FIELDS
    assert row["context_json"]["last"] == 1


def test_whose_commit_it_is_is_told_although_a_new_row_drops_it(
    ship_old: Ship, story: Story, reference: RunsServer
) -> None:
    start, _ = story.run(git_commit_hash="abc1234", git_commit_source="ci", git_commit_author="Ada")
    ship_old(start)
    row = reference.run(run_of(start).event_id)
    assert (row["git_commit_source"], row["git_commit_author"]) == ("ci", "Ada")


def test_a_commit_that_is_told_later_is_associated(
    ship_old: Ship, story: Story, reference: RunsServer, asked: Any
) -> None:
    start, _ = story.run()
    ship_old(start)
    asked()
    ship_old(changed(start, git_commit_hash="abc1234", git_commit_source="llm"))
    assert asked() == ["POST /api/v1/runs/ID/associate-commit"]
    assert reference.run(run_of(start).event_id)["git_commit_hash"] == "abc1234"


def test_a_run_that_has_ended_is_not_made_to_run_again(
    ship_old: Ship, sink_for: Sinks, story: Story, reference: RunsServer
) -> None:
    start, end = story.run()
    ship_old(start, end)
    for ship in (ship_old, shipping(sink_for(reference))):
        ship(start, changed(start, items_failed=3))
        assert reference.run(run_of(start).event_id)["status"] == "success"


def test_an_end_that_somebody_inferred_yields_to_the_programs_own(
    sink_for: Sinks, story: Story, reference: RunsServer
) -> None:
    start, end = story.run()
    inferred = changed(
        start, Kind.END_RUN, status="cancelled", inferred=True, end_time="2026-01-02T00:00:00Z"
    )
    for record in (start, inferred, end):
        assert shipping(sink_for(reference))(record).delivered == {record.id}
    row = reference.run(run_of(start).event_id)
    assert (row["status"], row["end_time"]) == ("success", run_of(end).end_time)


def test_an_inferred_end_does_not_replace_the_programs_own(
    sink_for: Sinks, story: Story, reference: RunsServer
) -> None:
    start, end = story.run()
    inferred = changed(end, Kind.END_RUN, status="cancelled", inferred=True)
    for record in (start, end, inferred):
        shipping(sink_for(reference))(record)
    assert reference.run(run_of(start).event_id)["status"] == "success"


def test_a_row_that_was_deleted_meanwhile_is_created_again(
    ship_old: Ship, story: Story, reference: RunsServer
) -> None:
    start, end = story.run()
    ship_old(start)
    reference.runs.clear()
    assert ship_old(end).delivered == {end.id}
    assert reference.run(run_of(end).event_id)["status"] == "success"


def test_a_run_that_no_route_reaches_is_named(ship_old: Ship, story: Story) -> None:
    start, end = story.run(event_id="a/b")
    assert ship_old(start).delivered == {start.id}
    receipt = ship_old(end)
    assert receipt.rejected[end.id].code == "unaddressable"


def test_a_run_that_is_refused_costs_no_other(
    ship_old: Ship, story: Story, reference: RunsServer
) -> None:
    (good, _), (bad, _) = story.run(), story.run(agent_name="bad")
    reference.refuse(lambda row: row.get("agent_name") == "bad", reason="CHECK failed")
    receipt = ship_old(good, bad)
    assert receipt.delivered == {good.id}
    assert receipt.rejected[bad.id].reason == "CHECK failed"


def test_a_row_that_met_a_locked_database_waits(
    ship_old: Ship, story: Story, reference: RunsServer
) -> None:
    (good, _), (late, _) = story.run(), story.run(agent_name="late")
    reference.refuse(lambda row: row["agent_name"] == "late", reason="database is locked")
    receipt = ship_old(good, late)
    assert receipt.delivered | receipt.rejected.keys() == {good.id}


def test_a_number_beyond_its_columns_is_rejected(ship_old: Ship, story: Story) -> None:
    start, _ = story.run(items_failed=2**70)
    assert ship_old(start, story.run()[0]).rejected.keys() == {start.id}


def test_trouble_midway_keeps_what_was_done(
    ship_old: Ship, story: Story, reference: RunsServer
) -> None:
    stories = [story.run() for _ in range(3)]
    ship_old(*(start for start, _ in stories))
    second = run_of(stories[1][1]).event_id
    fault = reference.reject(lambda row: row.get("end_time") == run_of(stories[1][1]).end_time, 503)
    receipt = ship_old(*(end for _, end in stories))
    assert receipt.delivered == {stories[0][1].id}
    assert (receipt.code, receipt.rejected) == ("http_503", {})
    reference.clear(fault)
    assert len(ship_old(*(end for _, end in stories)).delivered) == 3
    assert reference.run(second)["status"] == "success"


@pytest.mark.parametrize(
    "told",
    [
        {"inserted": 0, "duplicates": 0, "errors": []},
        {"inserted": 1, "duplicates": 0, "errors": []},
        {"inserted": 1, "duplicates": 0, "errors": ["row 1: CHECK failed"]},
        {"duplicates": 0, "errors": []},
        "<html>",
    ],
)
def test_a_batch_is_stored_only_where_it_is_said_of_each_run(
    ship_old: Ship, story: Story, in_its_place: Any, told: Any
) -> None:
    in_its_place(BATCH, told)
    receipt = ship_old(story.run()[0], story.run()[0])
    assert (receipt.delivered, receipt.rejected, receipt.code) == (frozenset(), {}, "answer")


@pytest.mark.parametrize("told", ["<html>", {}, {"event_id": "another", "updated": True}])
@pytest.mark.parametrize("asked", [PATCH, GET])
def test_a_run_is_changed_only_where_it_is_said_of_it(
    ship_old: Ship,
    sink_for: Sinks,
    reference: RunsServer,
    story: Story,
    in_its_place: Any,
    told: Any,
    asked: str,
) -> None:
    start, end = story.run()
    ship_old(start)
    in_its_place(asked, told)
    receipt = shipping(sink_for(reference))(end)
    assert (receipt.delivered, receipt.rejected, receipt.code) == (frozenset(), {}, "answer")


def test_it_stops_when_the_time_of_the_batch_is_over(
    old_sink: Any, story: Story, reference: RunsServer, clock: FakeClock
) -> None:
    stories = [story.run() for _ in range(3)]
    shipping(old_sink)(*(start for start, _ in stories))
    ends = Batch(tuple(end for _, end in stories), deadline=clock.monotonic())
    assert old_sink.ship_batch(ends).code == "deadline"


def test_a_wrong_token_pauses(sink_for: Sinks, story: Story, reference: RunsServer) -> None:
    reference.tokens.add(TOKEN)
    assert shipping(sink_for(reference))(story.run()[0]).code == "http_401"
    assert shipping(sink_for(reference, token=TOKEN))(story.run()[0]).delivered
