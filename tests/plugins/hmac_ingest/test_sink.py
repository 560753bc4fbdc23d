"""A batch is one signed request; each attempt is signed anew, the ids of its events stay."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from pytest_telemetry import Response
from telemetry_hmac_ingest import is_signed_legacy

from telemetry_core import ConfigError, Kind, Receipt
from tests.plugins.hmac_ingest.conftest import (
    APP,
    ORG,
    SECRET,
    TOKEN,
    dated,
    flat,
    is_well_signed,
    shipping,
)

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, Story

    from tests.plugins.hmac_ingest.conftest import ScriptedServer, Ship, Sinks

OUTSIDE = flat(403, "Forbidden", "Timestamp outside acceptable window")


def seconds(clock: FakeClock) -> int:
    return clock.time_ns() // 1_000_000_000


# -- the request


def test_a_story_arrives_in_one_signed_request(
    ship: Ship, story: Story, server: ScriptedServer, clock: FakeClock
) -> None:
    told = story.told()
    assert ship(*told) == Receipt.of(record.id for record in told)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"/v1/ingest/{ORG}/{APP}")
    assert is_well_signed(request)
    assert request.headers["x-timestamp"] == str(seconds(clock))
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_the_request_says_what_it_brings(ship: Ship, story: Story, server: ScriptedServer) -> None:
    ship(story.event(), story.event())
    headers = server.requests[0].headers
    assert (headers["x-batch-size"], headers["x-schema-version"]) == ("2", "1.0.0")
    assert headers["x-sdk-version"].startswith("telemetry-hmac-ingest/")
    assert headers["content-type"] == "application/json"
    assert "dnt" not in headers


def test_ids_of_any_kind_are_quoted_in_the_path(
    sink_for: Sinks, story: Story, server: ScriptedServer
) -> None:
    shipping(sink_for(org_id="a/b", app_id="ü?"))(story.event())
    assert server.requests[0].target == "/v1/ingest/a%2Fb/%C3%BC%3F"


def test_without_a_token_there_is_no_bearer(
    sink_for: Sinks, story: Story, server: ScriptedServer
) -> None:
    shipping(sink_for(token=None))(story.event())
    assert "authorization" not in server.requests[0].headers


def test_the_bytes_that_are_sent_are_signed_also_when_packed(
    sink_for: Sinks, story: Story, server: ScriptedServer
) -> None:
    shipping(sink_for(gzip=True))(story.event())
    (request,) = server.requests
    assert (request.headers["content-encoding"], request.body[:2]) == ("gzip", b"\x1f\x8b")
    assert is_well_signed(request)
    assert len(server.taken) == 1


def test_servers_of_the_later_kind_get_their_signature_on_request_only(
    sink_for: Sinks, story: Story, server: ScriptedServer
) -> None:
    shipping(sink_for(signing="legacy"))(story.event())
    (request,) = server.requests
    headers = request.headers
    assert is_signed_legacy(headers["x-signature"], SECRET, headers["x-timestamp"], request.body)
    assert not is_well_signed(request)


def test_at_most_a_thousand_events_go_together(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    records = [story.event() for _ in range(1001)]
    assert len(ship(*records).delivered) == 1001
    assert [len(body["events"]) for body in server.bodies] == [1000, 1]


def test_no_request_has_more_than_five_mebibytes(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    records = [story.event(payload={"text": "x" * 1_000_000}) for _ in range(7)]
    assert len(ship(*records).delivered) == 7
    assert len(server.requests) == 2
    assert all(len(request.body) <= 5 * 1024 * 1024 for request in server.requests)


def test_what_fits_into_no_request_is_refused_here(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    huge, small = story.event(payload={"text": "x" * 5_300_000}), story.event()
    receipt = ship(huge, small)
    assert (receipt.delivered, receipt.rejected[huge.id].code) == (
        frozenset({small.id}),
        "too_large",
    )
    assert receipt.rejected[huge.id].certain


@pytest.mark.parametrize("name", ["", "n" * 101])
def test_a_name_that_no_server_keeps_is_refused_here(
    ship: Ship, story: Story, server: ScriptedServer, name: str
) -> None:
    assert ship(record := story.event(name)).rejected[record.id].code == "invalid_name"
    assert server.requests == []


def test_no_records_are_no_request(ship: Ship, server: ScriptedServer) -> None:
    assert ship() == Receipt()
    assert server.requests == []


# -- attempts


def test_each_attempt_is_signed_anew_and_the_ids_stay(
    sink_for: Sinks, story: Story, server: ScriptedServer, clock: FakeClock
) -> None:
    ship, record = shipping(sink_for()), story.event()
    server.says(flat(503, "unavailable"))
    assert ship(record).delivered == frozenset()
    clock.sleep(60)
    assert ship(record).delivered == {record.id}
    first, second = server.bodies
    assert first["events"][0]["event_id"] == second["events"][0]["event_id"]
    assert len(server.nonces) == 2
    assert [request.headers["x-timestamp"] for request in server.requests] == [
        str(seconds(clock) - 60),
        str(seconds(clock)),
    ]
    assert all(map(is_well_signed, server.requests))


def test_a_reply_that_is_lost_leaves_all_waiting(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    server.lose_reply(times=1)
    record = story.event()
    assert ship(record).code == "network"
    assert ship(record).delivered == {record.id}
    assert {event["event_id"] for event in server.taken} == {record.id}


def test_a_nonce_that_came_twice_is_replaced_once(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    server.says(flat(409, "Conflict", "Duplicate nonce detected"))
    assert ship(record := story.event()).delivered == {record.id}
    assert len(server.nonces) == 2
    server.says(*[flat(409, "Conflict", "Duplicate nonce detected")] * 2)
    receipt = ship(story.event())
    assert (receipt.code, receipt.delivered, receipt.refused_whole) == (
        "http_409",
        frozenset(),
        False,
    )
    assert len(server.requests) == 4


@pytest.mark.parametrize("off", [-3600, 660, 100_000_000])
def test_a_clock_that_is_wrong_is_measured_and_corrected(
    sink_for: Sinks, story: Story, server: ScriptedServer, clock: FakeClock, off: int
) -> None:
    sink = sink_for()
    ship = shipping(sink)
    server.says(dated(OUTSIDE, seconds(clock) + off))
    assert ship(record := story.event()).delivered == {record.id}
    assert ship(story.event()).delivered
    stamps = [int(request.headers["x-timestamp"]) - seconds(clock) for request in server.requests]
    assert stamps == [0, off, off]
    assert sink.stats()["clock_skew_seconds"] == off


def test_a_clock_is_corrected_once_a_batch(
    ship: Ship, story: Story, server: ScriptedServer, clock: FakeClock
) -> None:
    answers = [dated(OUTSIDE, seconds(clock) + off) for off in (1000, 2000, 3000)]
    server.says(*answers)
    receipt = ship(story.event())
    assert (receipt.code, receipt.pause_until is not None) == ("http_403", True)
    assert len(server.requests) == 2


def test_a_clock_that_was_set_right_is_corrected_back(
    ship: Ship, story: Story, server: ScriptedServer, clock: FakeClock
) -> None:
    server.says(dated(OUTSIDE, seconds(clock) + 1000))
    ship(story.event())
    clock.sleep(1000)
    server.says(dated(OUTSIDE, seconds(clock)))
    assert ship(story.event()).delivered
    assert int(server.requests[-1].headers["x-timestamp"]) == seconds(clock)


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Foo 2026 00:00:00 GMT"])
def test_where_nobody_tells_the_time_a_403_is_one(
    ship: Ship, story: Story, server: ScriptedServer, date: str
) -> None:
    server.says(Response(403, {"date": date}, OUTSIDE.body))
    assert ship(story.event()).code == "http_403"
    assert len(server.requests) == 1


# -- who wants nothing sent


@pytest.mark.parametrize("given", [{"dnt": True}])
def test_who_wants_nothing_tracked_has_nothing_sent(
    sink_for: Sinks, story: Story, server: ScriptedServer, given: dict[str, Any]
) -> None:
    sink = sink_for(**given)
    assert shipping(sink)(record := story.event()).delivered == {record.id}
    assert server.requests == []
    assert sink.stats()["not_tracked"] == 1


def test_without_runs_only_events_are_sent(
    sink_for: Sinks, story: Story, server: ScriptedServer
) -> None:
    told = story.told()
    assert len(shipping(sink_for(runs=False))(*told).delivered) == len(told)
    assert {event["event"]["type"] for event in server.taken} == {"page.fetched"}


def test_what_changes_a_run_is_no_event(ship: Ship, story: Story, server: ScriptedServer) -> None:
    update = evolve(story.run()[0], kind=Kind.UPDATE_RUN)
    assert ship(update).delivered == {update.id}
    assert server.requests == []


# -- settings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"endpoint": "ftp://host"}, "http:// or https://"),
        ({"endpoint": "http://ada:hunter2@host"}, "a user or a password"),
        ({"endpoint": "http://host?key=hunter2"}, "a query"),
        ({"endpoint": "http://host:hunter2"}, "cannot be read"),
        ({"endpoint": ""}, "http:// or https://"),
        ({"org_id": " "}, "the server's owner"),
        ({"app_id": ".."}, "the server's owner"),
        ({"token": "hunter2\n"}, "no header can"),
        ({"token": "hunter2 é"}, "no header can"),
        ({"secret": ""}, "the secret is empty"),
    ],
)
def test_what_cannot_be_meant_is_said_without_showing_it(
    sink_for: Sinks, settings: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        sink_for(**settings)
    assert "hunter2" not in str(raised.value)


def test_the_whole_address_of_an_application_will_do(sink_for: Sinks) -> None:
    sink = sink_for(endpoint=f"https://host/telemetry/v1/ingest/{ORG}/{APP}")
    assert sink.destination() == f"https://host/telemetry/v1/ingest/{ORG}/{APP}"


def test_neither_token_nor_secret_is_shown(
    sink_for: Sinks, story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sink = sink_for()
    shipping(sink)(story.event())
    shown = f"{sink!r}{sink.stats()}{sink.check_health()}{caplog.text}"
    assert "hunter2" not in shown


# -- health


def test_a_server_that_is_there_is_well(sink_for: Sinks) -> None:
    assert sink_for().check_health().ok


def test_a_server_that_is_not_there_is_named(sink_for: Sinks, server: ScriptedServer) -> None:
    server.down()
    health = sink_for().check_health()
    assert not health.ok
    assert f"{server.url} does not answer" in health.message


def test_a_server_in_trouble_is_not_well(sink_for: Sinks, server: ScriptedServer) -> None:
    server.fail(503)
    assert sink_for().check_health().message == f"{server.url}/health answers 503"
