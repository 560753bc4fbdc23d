"""A batch is one request, and what comes back is settled record by record."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from pytest_telemetry import HttpServer, Refusal

from telemetry_core import ConfigError, Kind, Receipt, Rejection
from tests.plugins.posthog.conftest import KEY, body_of, shipping

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, PostHogServer, Request, Response, Story

    from tests.plugins.posthog.conftest import Ship, Sinks


class Echo(HttpServer):
    """Refuses what comes in its own words."""

    def handle(self, request: Request) -> Response:
        raise Refusal(400, request.content().decode()[-100:])


def test_a_story_arrives_in_one_request(ship: Ship, story: Story, server: PostHogServer) -> None:
    told = story.told()
    assert ship(*told) == Receipt.of(record.id for record in told)
    (batch,) = server.batches
    names = [event["event"] for event in batch.events]
    assert names == ["run_started", *["page.fetched"] * 3, "run_ended"]


def test_the_body_says_what_a_batch_says(
    ship: Ship, story: Story, server: PostHogServer, clock: FakeClock
) -> None:
    ship(story.event())
    body = body_of(server)
    assert [*body] == ["batch", "historical_migration", "sent_at", "api_key"]
    assert (body["historical_migration"], body["api_key"]) == (False, KEY)
    clock.sleep(60)
    ship(story.event())
    assert body_of(server)["sent_at"] > body["sent_at"]


def test_no_records_are_no_request(ship: Ship, server: PostHogServer) -> None:
    assert ship() == Receipt()
    assert server.requests == []


def test_what_changes_a_run_is_no_event(ship: Ship, story: Story, server: PostHogServer) -> None:
    update = evolve(story.run()[0], kind=Kind.UPDATE_RUN)
    assert ship(update).delivered == {update.id}
    assert server.requests == []


def test_without_runs_only_events_are_sent(
    sink_for: Sinks, story: Story, server: PostHogServer
) -> None:
    told = story.told()
    assert len(shipping(sink_for(runs=False))(*told).delivered) == len(told)
    assert {event["event"] for event in server.events} == {"page.fetched"}


def test_a_request_for_each_event_where_that_is_wanted(
    sink_for: Sinks, story: Story, server: PostHogServer
) -> None:
    told = story.told()
    assert len(shipping(sink_for(endpoint="/capture/"))(*told).delivered) == len(told)
    assert {(batch.path, len(batch.events)) for batch in server.batches} == {("/capture", 1)}
    assert len(server.events) == len(told)
    assert body_of(server)["sent_at"]


def test_requests_are_packed_where_that_is_wanted(
    sink_for: Sinks, story: Story, server: PostHogServer
) -> None:
    shipping(sink_for(gzip=True))(story.event())
    (request,) = server.requests
    assert (request.headers["content-encoding"], request.body[:2]) == ("gzip", b"\x1f\x8b")
    assert len(server.events) == 1


def test_a_backfill_says_that_it_is_one(
    sink_for: Sinks, story: Story, server: PostHogServer
) -> None:
    shipping(sink_for(historical_migration=True))(story.event())
    assert server.batches[0].historical_migration


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_has_to_be_mended_pauses_the_sink(
    ship: Ship, story: Story, server: PostHogServer, status: int
) -> None:
    server.fail(status)
    receipt = ship(story.event())
    assert (receipt.code, receipt.pause_until is not None) == (f"http_{status}", True)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects_are_refused(
    ship: Ship, story: Story, server: PostHogServer, status: int
) -> None:
    server.fail(status)
    assert ship(story.event()).pause_until is not None
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_refused_is_looked_for_in_halves(
    ship: Ship, story: Story, server: PostHogServer, status: int
) -> None:
    server.fail(status)
    assert ship(story.event(), story.event()).refused_whole
    alone = story.event()
    assert ship(alone).rejected[alone.id].code == f"http_{status}"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_posthog_in_trouble_is_waited_for(
    ship: Ship, story: Story, server: PostHogServer, status: int
) -> None:
    server.fail(status)
    receipt = ship(story.event())
    assert (receipt.delivered, receipt.rejected, receipt.pause_until) == (frozenset(), {}, None)


def test_a_busy_posthog_says_when_to_come_again(
    ship: Ship, story: Story, server: PostHogServer
) -> None:
    server.rate_limit(0, retry_after=30)
    assert (ship(story.event()).retry_after or 0) > 0


def test_what_is_delivered_before_a_failure_is_settled(
    sink_for: Sinks, story: Story, server: PostHogServer
) -> None:
    first, second = story.event(), story.event()
    server.rate_limit(1, retry_after=30)
    receipt = shipping(sink_for(endpoint="/capture/"))(first, second)
    assert receipt.delivered == {first.id}
    assert (receipt.retry_after or 0) > 0


def test_nobody_there_is_waited_for(ship: Ship, story: Story, server: PostHogServer) -> None:
    server.down()
    receipt = ship(story.event())
    assert (receipt.code, receipt.delivered) == ("network", frozenset())


def test_the_key_is_in_no_word_of_a_refusal(sink_for: Sinks, story: Story) -> None:
    echo = Echo()
    with echo.serving() as url:
        said = str(shipping(sink_for(host=url))(story.event()))
    assert ("http_400" in said, KEY in said) == (True, False)
    assert KEY not in repr(sink_for())


def test_to_this_machine_no_proxy_is_asked(
    ship: Ship, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    event = story.event()
    assert ship(event).delivered == {event.id}


def test_certificates_that_cannot_be_read_are_said(sink_for: Sinks, story: Story) -> None:
    ship = shipping(sink_for(trust_store="nowhere.pem"))
    with pytest.raises(ConfigError, match="trust_store"):
        ship(story.event())


def test_one_event_that_is_refused_costs_no_other(
    sink_for: Sinks, story: Story, server: PostHogServer
) -> None:
    """As the core halves, so that only the offender stands alone."""
    events = [story.event(payload={"n": n}) for n in range(8)]
    server.reject(lambda event: event["properties"].get("n") == 5, 400)
    refused: dict[str, Rejection] = {}
    waiting, ship = [events], shipping(sink_for())
    while waiting:
        batch = waiting.pop()
        receipt = ship(*batch)
        refused |= receipt.rejected
        if receipt.refused_whole:
            middle = len(batch) // 2
            waiting += [batch[:middle], batch[middle:]]
    assert [*refused] == [events[5].id]
    assert len(server.events) == 7


def test_an_answer_that_is_lost_brings_nothing_twice(
    ship: Ship, story: Story, server: PostHogServer
) -> None:
    told = story.told()
    server.lose_reply(times=1)
    assert not ship(*told).delivered
    assert len(ship(*told).delivered) == len(told)
    assert (len(server.events), server.duplicates) == (len(told), len(told))


def test_an_event_that_is_too_large_is_never_sent(
    ship: Ship, story: Story, server: PostHogServer
) -> None:
    fits, large = story.event(), story.event(payload={"text": "x" * 2_000_000})
    receipt = ship(large, fits)
    assert receipt.delivered == {fits.id}
    why = receipt.rejected[large.id]
    assert (why.code, why.certain) == ("too_large", True)
    assert "921,600" in why.reason
    assert len(server.requests) == 1


def test_a_request_has_a_hundred_events_at_most(
    ship: Ship, story: Story, server: PostHogServer
) -> None:
    assert len(ship(*(story.event() for _ in range(250))).delivered) == 250
    assert [len(batch.events) for batch in server.batches] == [100, 100, 50]


def test_a_request_has_five_mebibytes_at_most(
    ship: Ship, story: Story, server: PostHogServer
) -> None:
    large = [story.event(payload={"text": "x" * 800_000}) for _ in range(8)]
    assert len(ship(*large).delivered) == 8
    assert [len(batch.events) for batch in server.batches] == [6, 2]
    assert max(len(request.body) for request in server.requests) <= 5 * 1024 * 1024 + 1024


def test_an_event_without_a_name_is_never_sent(ship: Ship, story: Story) -> None:
    nameless = story.event("")
    assert ship(nameless).rejected[nameless.id].code == "no_event"


def test_before_send_has_the_last_word(
    sink_for: Sinks, story: Story, server: PostHogServer
) -> None:
    def scrub(event: dict[str, Any]) -> dict[str, Any] | None:
        event["properties"]["seen"] = Decimal("1.5")
        return None if event["properties"].get("n") == 1 else event

    sink = sink_for(before_send=scrub)
    events = [story.event(payload={"n": n}) for n in range(3)]
    assert len(shipping(sink)(*events).delivered) == 3
    assert [event["properties"]["n"] for event in server.events] == [0, 2]
    assert server.events[0]["properties"]["seen"] == 1.5
    assert sink.stats()["held_back"] == 1


def test_what_before_send_fails_at_is_kept_and_not_sent(
    sink_for: Sinks, story: Story, server: PostHogServer
) -> None:
    event = story.event()
    receipt = shipping(sink_for(before_send=lambda _: 1 / 0))(event)
    assert "ZeroDivisionError" in receipt.rejected[event.id].reason
    assert server.requests == []


def test_what_is_no_event_after_before_send_is_kept_and_not_sent(
    sink_for: Sinks, story: Story
) -> None:
    event = story.event()
    receipt = shipping(sink_for(before_send="builtins:len"))(event)
    assert receipt.rejected[event.id].code == "no_event"


@pytest.mark.parametrize("name", ["nowhere:scrub", "json:nothing", "json", "json:__name__"])
def test_a_before_send_that_cannot_be_had_is_said_at_once(sink_for: Sinks, name: str) -> None:
    with pytest.raises(ConfigError, match="before_send"):
        sink_for(before_send=name)


def test_health_asks_whether_somebody_is_there(sink_for: Sinks, server: PostHogServer) -> None:
    sink = sink_for()
    assert sink.check_health().ok
    assert KEY not in str(server.requests[-1])
    server.down()
    assert not sink.check_health().ok
