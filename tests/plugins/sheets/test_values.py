"""A run that ended is a row of the sheet, once, whatever becomes of requests and processes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry import Response
from telemetry_sheets import SheetsSink
from telemetry_sheets.columns import USUAL

from telemetry_core import SystemClock
from tests.plugins.sheets.conftest import calls, ids, shipping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_telemetry import FakeClock, Request, SheetsServer, Story

    from telemetry_core import Record
    from tests.plugins.sheets.conftest import Ship, Sinks


def ends(story: Story, count: int, **fields: Any) -> list[Record]:
    return [story.run(**fields)[1] for _ in range(count)]


@contextmanager
def after_append(google: SheetsServer, answer: Callable[[], Response]) -> Iterator[None]:
    """Have each append be answered so, once it was done."""
    handle = google.handle

    def handled(request: Request) -> Response:
        done = handle(request)
        return answer() if ":append" in request.path else done

    google.handle = handled  # type: ignore[method-assign]
    yield
    google.handle = handle  # type: ignore[method-assign]


def test_an_empty_tab_gets_its_header_with_the_first_rows(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    first, second = ends(story, 2)
    assert add(first, second).delivered == {first.id, second.id}
    assert google.header[:3] == ["event_id", "run_id", "agent_name"]
    google.assert_row(event_id=second.body.event_id, status="success", duration_ms=1000)
    add(*ends(story, 1))
    assert (len(google.rows), google.grid.count(google.header)) == (3, 1)


def test_a_batch_is_one_append_under_the_header_of_that_moment(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1))
    google.requests.clear()
    add(*ends(story, 300))
    assert calls(google) == ["GET 1:1", "POST A:A:append"]
    assert len(google.rows) == 301


def test_other_records_are_no_request(add: Ship, story: Story, google: SheetsServer) -> None:
    assert len(add(story.run()[0], story.event()).delivered) == 2
    assert google.requests == []


# -- nothing twice


def test_what_was_added_and_never_answered_is_there_once(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    runs, more = ends(story, 3), ends(story, 2)
    add(*ends(story, 1))
    fault = google.lose_reply(times=1)
    assert add(*runs).code == "network"
    google.clear(fault)
    assert len(add(*runs, *more).delivered) == 5
    assert sorted(ids(google)[1:]) == sorted(run.body.event_id for run in [*runs, *more])


def test_the_header_that_was_never_answered_is_there_once(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    runs = ends(story, 2)
    with after_append(google, lambda: Response.json({}, 503)):
        assert add(*runs).code == "http_503"
    assert len(add(*runs).delivered) == 2
    assert ids(google) == [run.body.event_id for run in runs]
    assert google.grid.count(google.header) == 1


def test_a_process_that_was_killed_after_the_rows_were_there_adds_none_again(
    tabs: Sinks, story: Story, google: SheetsServer
) -> None:
    runs = ends(story, 3)
    shipping(tabs())(*runs)  # and its receipt is lost with the process
    fresh = ends(story, 1)
    assert len(shipping(tabs())(*runs, *fresh).delivered) == 4
    assert ids(google) == [run.body.event_id for run in [*runs, *fresh]]


def test_what_a_process_had_added_before_it_was_killed_is_known_to_one_that_lives(
    add: Ship, tabs: Sinks, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1))
    runs = ends(story, 3)
    shipping(tabs())(*runs)  # and its receipt is lost with the process
    for run in runs:
        run.adopted = True
    assert add(runs[0], *ends(story, 1)).delivered
    assert add(*runs[1:]).delivered
    assert [ids(google).count(run.body.event_id) for run in runs] == [1, 1, 1]
    assert len(google.rows) == 5


def test_what_was_never_answered_may_come_again_in_other_batches(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    runs = ends(story, 3)
    add(*ends(story, 1))
    with after_append(google, lambda: Response.json({}, 503)):
        assert add(*runs).code == "http_503"
    assert [bool(add(run).delivered) for run in runs] == [True, True, True]
    assert ids(google)[1:] == [run.body.event_id for run in runs]


@pytest.mark.parametrize("moment", ["/A:A", ":append"])
def test_of_two_programs_that_begin_a_tab_at_once_one_writes_the_header(
    add: Ship, story: Story, google: SheetsServer, moment: str
) -> None:
    (run,), handle = ends(story, 1), google.handle

    def overtaken(request: Request) -> Response:
        if request.path.endswith(moment):
            google.handle = handle  # type: ignore[method-assign]
            google.tab.write(0, 0, [USUAL, ["of-the-other"]])
        return handle(request)

    google.handle = overtaken  # type: ignore[method-assign]
    assert add(run).delivered
    assert google.grid.count(google.header) == 1
    assert [key for key in ids(google) if key] == ["of-the-other", run.body.event_id]


def test_rows_that_somebody_sorted_are_known_again(
    tabs: Sinks, story: Story, google: SheetsServer
) -> None:
    runs = ends(story, 3)
    shipping(tabs())(*runs)
    google.tab.cells[1:] = google.tab.cells[:0:-1]
    assert shipping(tabs())(*runs).delivered
    assert len(google.rows) == 3


def test_one_run_in_two_records_is_one_row(add: Ship, story: Story, google: SheetsServer) -> None:
    (run,) = ends(story, 1)
    twice = story.end_of(run.body)  # type: ignore[arg-type]
    assert add(run, twice).delivered == {run.id, twice.id}
    assert len(google.rows) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_in_trouble_is_waited_for_and_asked_what_it_has(
    add: Ship, story: Story, google: SheetsServer, status: int
) -> None:
    runs = ends(story, 2)
    add(*ends(story, 1))
    with after_append(google, lambda: Response.json({}, status)):
        assert add(*runs).code == f"http_{status}"
    google.requests.clear()
    assert add(*runs).delivered
    assert calls(google) == ["GET 1:1", "GET A:A"]
    assert len(google.rows) == 3


# -- the pace


def test_the_quota_of_google_is_never_used_up(
    tabs: Sinks, story: Story, google: SheetsServer, clock: FakeClock
) -> None:
    google.quota.per_user = 20
    ship = shipping(tabs(writes_per_minute=20))
    receipts = [ship(*ends(story, 1))]
    while receipts[-1].delivered and not receipts[-1].retry_after:
        receipts.append(ship(*ends(story, 1)))
    assert all(receipt.delivered for receipt in receipts)
    assert len(google.rows) == len(receipts) >= 17
    assert receipts[-1].retry_after == pytest.approx(60, abs=1)
    clock.advance(receipts[-1].retry_after or 0)
    assert ship(*ends(story, 1)).delivered


def test_too_many_requests_are_waited_for_and_say_whose_quota_it_is(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1))
    google.quota.per_user = 1
    runs = ends(story, 2)
    receipt = add(*runs)
    assert (receipt.code, receipt.delivered, receipt.pause_until) == ("quota", frozenset(), None)
    assert "quota of requests a minute" in receipt.reason
    google.quota.per_user = 60
    assert len(add(*runs).delivered) == 2


def test_a_wait_that_google_asks_for_is_obeyed(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    google.rate_limit(0, retry_after=30)
    assert 0 < (add(*ends(story, 1)).retry_after or 0) <= 30


# -- what a cell holds


def test_text_that_looks_like_a_formula_stays_text(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1, product="=1+1", website="+49", item_name="'quoted", platform="1e3"))
    (row,) = google.rows
    assert [row[name] for name in ("product", "website", "item_name", "platform")] == [
        "=1+1",
        "+49",
        "'quoted",
        "1e3",
    ]


@pytest.mark.parametrize("letter", ["x", "\U0001f47e"])
def test_a_text_that_is_too_long_for_a_cell_is_cut(
    add: Ship, story: Story, google: SheetsServer, letter: str
) -> None:
    add(*ends(story, 1, error_summary=letter * 60_000, product=letter * 25_000))
    (row,) = google.rows
    assert len(row["error_summary"].encode("utf-16-le")) // 2 in {49_999, 50_000}
    assert row["error_summary"].endswith(f"{letter}…")
    assert row["product"] == letter * 25_000


def test_a_number_that_a_cell_cannot_hold_is_text(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1, items_discovered=2**70, items_failed=7))
    (row,) = google.rows
    assert (row["items_discovered"], row["items_failed"]) == (str(2**70), 7)


# -- the columns


def test_the_columns_and_their_order_are_chosen(
    tabs: Sinks, story: Story, google: SheetsServer
) -> None:
    columns = ["status", "metrics_json.pages", "agent_name", "context_json", "metrics_json.a.b"]
    shipping(tabs(columns=columns))(*ends(story, 1))
    assert google.header == ["event_id", *columns]
    (row,) = google.rows
    assert list(row.values())[1:] == ["success", 3, "crawler", '{"argv":["crawl"]}', ""]


def test_rows_go_under_the_names_that_somebody_moved_or_added(
    tabs: Sinks, story: Story, google: SheetsServer
) -> None:
    google.tab.write(0, 0, [["event_id", "note", "status", "agent_name"]])
    shipping(tabs(columns=["agent_name", "status"]))(*ends(story, 1))
    (row,) = google.rows
    assert (row["note"], row["status"], row["agent_name"]) == ("", "success", "crawler")


def test_a_column_that_somebody_moves_meanwhile_is_found(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1))
    status = google.header.index("status")
    for row in google.tab.cells:
        row.insert(1, row.pop(status))
    assert add(*ends(story, 1)).delivered
    assert [(row["status"], row["agent_name"]) for row in google.rows] == [
        ("success", "crawler")
    ] * 2


def test_a_column_that_somebody_renames_meanwhile_is_missed(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1))
    google.tab.write(0, google.header.index("status"), [["Result"]])
    receipt = add(*ends(story, 1))
    assert (receipt.code, "lacks status" in receipt.reason) == ("header", True)
    assert len(google.rows) == 1


def test_a_tab_that_somebody_empties_meanwhile_gets_its_header_again(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1))
    google.tab.cells.clear()
    add(*ends(story, 1))
    assert (google.header[0], len(google.rows)) == ("event_id", 1)


def test_rows_whose_header_somebody_deleted_are_not_added_again(
    tabs: Sinks, story: Story, google: SheetsServer
) -> None:
    runs = ends(story, 2)
    shipping(tabs())(*runs)
    google.tab.cells[0] = []
    receipt = shipping(tabs())(*runs)
    assert (receipt.code, "write the header there" in receipt.reason) == ("header", True)
    assert len(google.rows) == 2


def test_nothing_is_added_to_a_tab_that_became_the_first_one(
    add: Ship, story: Story, google: SheetsServer
) -> None:
    add(*ends(story, 1))
    google.remove_tab("Runs")
    google.tab.write(0, 0, [["Price"], [7]])
    assert add(*ends(story, 1)).code == "other_tab"
    assert google.grid == [["Price"], [7]]


def test_two_hundred_columns_are_a_row(tabs: Sinks, story: Story, google: SheetsServer) -> None:
    columns = [f"metrics_json.m{n}" for n in range(199)]
    metrics = {f"m{n}": n for n in range(199)}
    shipping(tabs(columns=columns))(*ends(story, 2, metrics_json=metrics))
    assert len(google.header) == 200
    assert google.rows[1]["metrics_json.m198"] == 198


@pytest.mark.parametrize("name", ["colour", "metrics_json.", "status.inner", ""])
def test_a_column_that_no_run_has_is_refused(name: str, tabs: Sinks) -> None:
    with pytest.raises(ValueError, match="no run has"):
        tabs(columns=[name])


# -- the rest of the way


def test_another_tab_is_written_where_one_is_named(
    tabs: Sinks, story: Story, google: SheetsServer
) -> None:
    tab = google.add_tab("It's ours")
    assert shipping(tabs(sheet="It's ours"))(*ends(story, 1)).delivered
    assert (len(tab.rows), google.rows) == (1, [])


def test_a_token_that_ended_is_replaced(add: Ship, story: Story, google: SheetsServer) -> None:
    add(*ends(story, 1))
    google.expire_tokens()
    google.requests.clear()
    assert add(*ends(story, 1)).delivered
    assert calls(google) == ["GET 1:1", "POST token", "GET 1:1", "POST A:A:append"]


def test_a_token_is_replaced_before_its_hour_is_over(
    add: Ship, story: Story, google: SheetsServer, clock: FakeClock
) -> None:
    add(*ends(story, 1))
    clock.advance(3500)
    google.requests.clear()
    assert add(*ends(story, 1)).delivered
    assert calls(google) == ["POST token", "GET 1:1", "POST A:A:append"]


def test_a_clock_that_jumps_changes_nothing(
    add: Ship, story: Story, google: SheetsServer, clock: FakeClock
) -> None:
    add(*ends(story, 1))
    clock.set_wall(0)
    assert add(*ends(story, 1)).delivered


def test_a_call_ends_with_its_deadline(google: SheetsServer, tabs: Sinks, story: Story) -> None:
    sink = tabs(clock=SystemClock())
    hang = google.hang()
    assert shipping(sink)(*ends(story, 1), within=0.2).code == "network"
    google.clear(hang)


def test_the_key_is_read_from_the_file_that_the_environment_names(
    google: SheetsServer, key: str, tmp_path: Any
) -> None:
    path = tmp_path / "key.json"
    path.write_text(key)
    sink = SheetsSink(spreadsheet_id=google.spreadsheet_id, credentials_file=path)
    assert sink.account_email == json.loads(key)["client_email"]
    assert "PRIVATE" not in repr(sink)
