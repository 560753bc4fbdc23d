"""A batch is one request, and what comes back is settled record by record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry_core import Receipt
from tests.plugins.posthog.conftest import KEY, shipping

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, HttpServer, Story

    from tests.plugins.posthog.conftest import Ship, Sinks


def test_a_story_arrives_in_one_request(ship: Ship, story: Story, server: HttpServer) -> None:
    told = story.told()
    assert ship(*told) == Receipt.of(record.id for record in told)
    (body,) = server.received
    assert [event["event"] for event in body["batch"]] == [
        "run_started",
        *["page.fetched"] * 3,
        "run_ended",
    ]


def test_the_body_says_what_a_batch_says(
    ship: Ship, story: Story, server: HttpServer, clock: FakeClock
) -> None:
    ship(story.event())
    (body,) = server.received
    assert [*body] == ["batch", "historical_migration", "sent_at", "api_key"]
    assert (body["historical_migration"], body["api_key"]) == (False, KEY)
    first = body["sent_at"]
    clock.sleep(60)
    ship(story.event())
    assert server.received[-1]["sent_at"] > first


def test_no_records_are_no_request(ship: Ship, server: HttpServer) -> None:
    assert ship() == Receipt()
    assert server.requests == []


def test_what_changes_a_run_is_no_event(ship: Ship, story: Story, server: HttpServer) -> None:
    from attrs import evolve

    from telemetry_core import Kind

    update = evolve(story.run()[0], kind=Kind.UPDATE_RUN)
    assert ship(update).delivered == {update.id}
    assert server.requests == []


def test_without_runs_only_events_are_sent(
    sink_for: Sinks, story: Story, server: HttpServer
) -> None:
    told = story.told()
    assert len(shipping(sink_for(runs=False))(*told).delivered) == len(told)
    assert {event["event"] for event in server.received[0]["batch"]} == {"page.fetched"}


def test_a_request_for_each_event_where_that_is_wanted(
    sink_for: Sinks, story: Story, server: HttpServer
) -> None:
    told = story.told()
    assert len(shipping(sink_for(endpoint="/capture/"))(*told).delivered) == len(told)
    assert {request.path for request in server.requests} == {"/capture/"}
    assert [body["event"] for body in server.received[:2]] == ["run_started", "page.fetched"]
    assert server.received[0]["api_key"] == KEY
    assert server.received[0]["sent_at"]


def test_requests_are_packed_where_that_is_wanted(
    sink_for: Sinks, story: Story, server: HttpServer
) -> None:
    shipping(sink_for(gzip=True))(story.event())
    (request,) = server.requests
    assert (request.headers["content-encoding"], request.body[:2]) == ("gzip", b"\x1f\x8b")
    assert len(server.received) == 1


def test_a_backfill_says_that_it_is_one(sink_for: Sinks, story: Story, server: HttpServer) -> None:
    shipping(sink_for(historical_migration=True))(story.event())
    assert server.received[0]["historical_migration"] is True


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_has_to_be_mended_pauses_the_sink(
    ship: Ship, story: Story, server: HttpServer, status: int
) -> None:
    server.fail(status)
    receipt = ship(story.event())
    assert (receipt.code, receipt.pause_until is not None) == (f"http_{status}", True)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects_are_refused(ship: Ship, story: Story, server: HttpServer, status: int) -> None:
    server.fail(status)
    assert ship(story.event()).pause_until is not None
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_refused_is_looked_for_in_halves(
    ship: Ship, story: Story, server: HttpServer, status: int
) -> None:
    server.fail(status)
    assert ship(story.event(), story.event()).refused_whole
    alone = story.event()
    assert ship(alone).rejected[alone.id].code == f"http_{status}"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_posthog_in_trouble_is_waited_for(
    ship: Ship, story: Story, server: HttpServer, status: int
) -> None:
    server.fail(status)
    receipt = ship(story.event())
    assert (receipt.delivered, receipt.rejected, receipt.pause_until) == (frozenset(), {}, None)


def test_a_busy_posthog_says_when_to_come_again(
    ship: Ship, story: Story, server: HttpServer
) -> None:
    server.rate_limit(0, retry_after=30)
    assert (ship(story.event()).retry_after or 0) > 0


def test_what_is_delivered_before_a_failure_is_settled(
    sink_for: Sinks, story: Story, server: HttpServer
) -> None:
    first, second = story.event(), story.event()
    server.rate_limit(1, retry_after=30)
    receipt = shipping(sink_for(endpoint="/capture/"))(first, second)
    assert receipt.delivered == {first.id}
    assert (receipt.retry_after or 0) > 0


def test_nobody_there_is_waited_for(ship: Ship, story: Story, server: HttpServer) -> None:
    server.down()
    receipt = ship(story.event())
    assert (receipt.code, receipt.delivered) == ("network", frozenset())


def test_the_key_is_in_no_word_of_a_refusal(
    sink_for: Sinks, story: Story, server: HttpServer
) -> None:
    server.reject(lambda body: KEY in str(body), 400)
    event = story.event()
    assert KEY not in str(shipping(sink_for())(event))
    assert KEY not in repr(sink_for())
