"""Runs that ended are posted to a web app, one by one or together, and what it says is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import fields
from pytest_telemetry import Response

from telemetry_core import APIPayload
from tests.plugins.sheets.conftest import TOKEN, shipping

if TYPE_CHECKING:
    from pytest_telemetry import SheetsServer, Story

    from tests.plugins.sheets.conftest import Ship, Sinks, WebAppServer


def test_only_the_end_of_a_run_is_posted(ship: Ship, story: Story, web_app: WebAppServer) -> None:
    told = story.told()
    assert ship(*told).delivered == {record.id for record in told}
    (run,) = web_app.received
    assert (run["run_id"], run["status"]) == (told[0].body.run_id, "success")
    assert run.keys() <= {field.name for field in fields(APIPayload)}


def test_records_without_an_end_are_no_request(
    ship: Ship, story: Story, web_app: WebAppServer
) -> None:
    assert len(ship(story.run()[0], story.event()).delivered) == 2
    assert ship().delivered == frozenset()
    assert web_app.requests == []


def test_the_token_goes_with_each_run(sinks: Sinks, story: Story, web_app: WebAppServer) -> None:
    web_app.require_header("Authorization", f"Bearer {TOKEN}")
    assert shipping(sinks(api_url=web_app.url, api_token=TOKEN))(story.run()[1]).delivered
    refused = shipping(sinks(api_url=web_app.url))(story.run()[1])
    assert (refused.code, refused.pause_until is not None) == ("http_401", True)
    assert "does not accept the token" in refused.reason


def test_runs_may_go_together_with_the_token_in_the_query(
    ship_events: Ship, story: Story, web_app: WebAppServer
) -> None:
    ends = [story.run()[1] for _ in range(3)]
    assert len(ship_events(*ends).delivered) == 3
    (request,) = web_app.requests
    assert request.query == {"token": TOKEN}
    assert "authorization" not in request.headers
    (body,) = web_app.received
    assert [event["event_id"] for event in body["events"]] == [end.body.event_id for end in ends]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"ok": false, "error": "no tab"}'])
def test_together_a_success_has_to_say_so(
    ship_events: Ship, story: Story, web_app: WebAppServer, body: bytes
) -> None:
    web_app.answer = Response(200, {}, body)
    receipt = ship_events(story.run()[1])
    assert (receipt.delivered, receipt.code) == (frozenset(), "not_ok")
    assert ("no tab" in receipt.reason) is (b"no tab" in body)


@pytest.mark.parametrize("status", [200, 201])
def test_one_by_one_any_success_counts_but_one_that_denies_it(
    ship: Ship, story: Story, web_app: WebAppServer, status: int
) -> None:
    web_app.answer = Response(status, {}, b"thanks")
    assert ship(story.run()[1]).delivered
    web_app.answer = Response(status, {}, b'{"ok": false}')
    assert ship(story.run()[1]).code == "not_ok"


@pytest.mark.parametrize("form", ["run", "events"])
def test_a_redirect_to_a_sign_in_pauses_and_says_what_to_do(
    sinks: Sinks, story: Story, web_app: WebAppServer, form: str
) -> None:
    location = "https://accounts.google.com/ServiceLogin?continue=x"
    web_app.answer = Response(302, {"Location": location}, b"")
    receipt = shipping(sinks(api_url=web_app.url, form=form))(story.run()[1])
    assert receipt.pause_until is not None
    assert "access for Anyone" in receipt.reason


def test_what_arrived_before_a_failure_is_delivered(
    ship: Ship, story: Story, web_app: WebAppServer
) -> None:
    first, second, third = (story.run()[1] for _ in range(3))
    web_app.reject(lambda run: run["run_id"] == second.body.run_id, 503)
    receipt = ship(first, second, third)
    assert (set(receipt.delivered), receipt.code) == ({first.id}, "http_503")


def test_a_run_that_is_refused_costs_no_other(
    ship: Ship, story: Story, web_app: WebAppServer
) -> None:
    first, second, third = (story.run()[1] for _ in range(3))
    web_app.reject(lambda run: run["run_id"] == second.body.run_id, 400)
    receipt = ship(first, second, third)
    assert receipt.delivered == {first.id, third.id}
    assert receipt.rejected.keys() == {second.id}


def test_too_many_requests_are_obeyed(ship: Ship, story: Story, web_app: WebAppServer) -> None:
    web_app.rate_limit(0, retry_after=30)
    assert 0 < (ship(story.run()[1]).retry_after or 0) <= 30


def test_a_web_app_that_is_down_is_waited_for(
    ship: Ship, story: Story, web_app: WebAppServer
) -> None:
    end = story.run()[1]
    web_app.down()
    assert ship(end).code == "network"
    web_app.up()
    assert ship(end).delivered


def test_no_run_is_begun_that_the_deadline_would_cut_off(
    ship: Ship, story: Story, web_app: WebAppServer
) -> None:
    assert len(ship(story.run()[1], story.run()[1], within=5).delivered) == 1
    assert len(web_app.requests) == 1


@pytest.mark.parametrize(
    ("status", "ok", "words"), [(200, True, ""), (405, True, ""), (404, False, "no web app")]
)
def test_its_health_is_whether_the_web_app_is_there(
    sinks: Sinks, web_app: WebAppServer, status: int, ok: bool, words: str
) -> None:
    web_app.answer = Response(status, {}, b"")
    health = sinks(api_url=web_app.url).check_health()
    assert (health.ok, words in health.message) == (ok, True)


def test_the_token_in_the_query_is_in_no_line_of_a_log(
    ship_events: Ship, story: Story, web_app: WebAppServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    assert ship_events(story.run()[1]).delivered
    web_app.down()
    receipt = ship_events(story.run()[1])
    assert TOKEN in str(web_app.requests[0].target)
    assert TOKEN not in f"{caplog.text}{receipt}"


# -- the script that the fake spreadsheet has


@pytest.mark.parametrize("redirects", [False, True])
@pytest.mark.parametrize("form", ["run", "events"])
def test_a_script_puts_runs_into_its_sheet(
    sinks: Sinks, google: SheetsServer, story: Story, form: str, redirects: bool
) -> None:
    google.web_app.redirects, google.web_app.token = redirects, TOKEN
    sink = sinks(api_url=google.web_app_url, form=form, api_token=TOKEN)
    assert sink.check_health().ok
    runs = [story.run()[1] for _ in range(3)]
    assert len(shipping(sink)(*runs).delivered) == 3
    google.assert_row(run_id=runs[2].body.run_id, status="success")
    assert len(google.rows) == 3


@pytest.mark.parametrize("form", ["run", "events"])
def test_a_script_with_another_token_gets_nothing(
    sinks: Sinks, google: SheetsServer, story: Story, form: str
) -> None:
    google.web_app.token = "another"
    receipt = shipping(sinks(api_url=google.web_app_url, form=form, api_token=TOKEN))(
        story.run()[1]
    )
    assert (receipt.delivered, google.rows) == (frozenset(), [])
    assert receipt.reason
