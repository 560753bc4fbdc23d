"""The fake knows what each token may, keeps each event once, and misbehaves on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.ingest_cases import changed, good_event
from tests.pytest_plugin.servers.ingest.conftest import Sender

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, IngestServer

NEW_YEAR = 1_767_225_600  # before the noon that it is for a test
FEBRUARY = NEW_YEAR + 31 * 86_400
HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def limits_in(answer: httpx.Response) -> list[int]:
    return [int(answer.headers[name]) for name in HEADERS]


def test_the_credentials_of_the_document_work(sender: Sender, server: IngestServer) -> None:
    assert sender.send(good_event(1, url="/a")).json()["accepted"] == 1
    assert server.assert_event("page_fetched", url="/a") == good_event(1, url="/a")
    (batch,) = server.batches
    by = server.development
    assert (batch.org, batch.app, batch.token) == (by.org, by.app, by.token)


@pytest.mark.parametrize(
    ("tier", "requests", "events"),
    [("free", 10, 10_000), ("pro", 100, 100_000), ("business", 1_000, 1_000_000)],
)
def test_a_tier_has_its_limits(
    tier: str, requests: int, events: int, sender: Sender, server: IngestServer
) -> None:
    by = server.credentials("acme", "crawler", tier)
    assert by.events_per_month == events
    assert limits_in(sender.send(good_event(), by=by))[:2] == [requests, requests - 1]


def test_an_enterprise_has_none(sender: Sender, server: IngestServer) -> None:
    by = server.credentials("acme", "crawler", "enterprise")
    answers = [sender.send(good_event(), by=by) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(name in answers[0].headers for name in HEADERS)


def test_a_minute_slides(sender: Sender, server: IngestServer, clock: FakeClock) -> None:
    server.development.requests_per_minute = 2
    sender.send(good_event())
    clock.advance(40)
    sender.send(good_event())
    answer = sender.send(good_event())
    now = clock.time_ns() // 1_000_000_000
    assert (answer.status_code, answer.json()["error"]) == (429, "rate_limit_exceeded")
    assert (answer.headers["retry-after"], answer.json()["retry_after"]) == ("20", 20)
    assert limits_in(answer) == [2, 0, now + 20]
    clock.advance(20)
    assert sender.send(good_event()).status_code == 200
    assert sender.send(good_event()).status_code == 429


def test_only_honest_requests_are_counted(sender: Sender, server: IngestServer) -> None:
    sender.send(good_event(), x_signature="0" * 64)
    nonce = str(uuid4())
    for _ in range(2):
        answer = sender.post(b"{", nonce=nonce)
    assert (answer.status_code, "x-ratelimit-limit" in answer.headers) == (409, False)
    assert limits_in(sender.post(b"{")) == [100, 98, NEW_YEAR + 12 * 3600 + 60]


def test_a_month_has_so_many_events(sender: Sender, server: IngestServer, clock: FakeClock) -> None:
    server.development.events_per_month = 3
    assert sender.send(good_event(1), good_event(2)).status_code == 200
    assert sender.send(good_event(2), good_event(3)).status_code == 200
    assert server.development.usage.events_this_month == 3
    answer = sender.send(good_event(4))
    now = clock.time_ns() // 1_000_000_000
    assert (answer.status_code, answer.json()["error"]) == (429, "quota_exceeded")
    assert answer.json()["retry_after"] == int(answer.headers["retry-after"]) == FEBRUARY - now
    clock.advance(FEBRUARY - now)
    assert sender.send(good_event(4)).status_code == 200
    assert server.development.usage.events_this_month == 1


def test_the_last_month_has_a_next_one(
    sender: Sender, server: IngestServer, clock: FakeClock
) -> None:
    server.development.events_per_month = 0
    clock.set_wall((NEW_YEAR - 1) * 1_000_000_000)
    assert sender.send(good_event()).headers["retry-after"] == "1"


def test_a_token_is_rotated_and_revoked(sender: Sender, server: IngestServer) -> None:
    old, new = (server.credentials("acme", "crawler") for _ in range(2))
    assert old.token != new.token
    for by in (old, new):
        answer = sender.send(good_event(), by=by, authorization=f"Bearer {by.token}")
        assert (answer.status_code, limits_in(answer)[1]) == (200, 99)
    old.is_active = False
    assert [sender.send(good_event(), by=by).status_code for by in (old, new)] == [401, 200]


def test_without_a_token_that_one_counts_whose_secret_it_is(
    sender: Sender, server: IngestServer
) -> None:
    old, new = (server.credentials("acme", "crawler") for _ in range(2))
    left = [
        limits_in(sender.send(good_event(), by=by, without="authorization"))[1]
        for by in (new, new, old)
    ]
    assert left == [99, 98, 99]


def test_a_nonce_is_remembered_as_long_as_its_request_is_good(
    sender: Sender, clock: FakeClock
) -> None:
    clock.advance(600)
    request = sender.send(good_event()).request
    clock.set_wall(clock.time_ns() - 600 * 1_000_000_000)  # it is stamped ten minutes ahead now
    again = sender.http.send(request)
    clock.advance(1200)
    assert (again.status_code, sender.http.send(request).status_code) == (409, 409)
    clock.advance(1)
    assert sender.http.send(request).status_code == 403


def test_its_clock_may_be_another(sender: Sender, server: IngestServer) -> None:
    server.time.ahead = 3600
    answer = sender.send(good_event())
    assert (answer.status_code, answer.headers["date"]) == (403, "Thu, 01 Jan 2026 13:00:00 GMT")
    assert sender.send(good_event(), x_timestamp="0").status_code == 401


def test_one_event_is_refused_and_the_others_taken(sender: Sender, server: IngestServer) -> None:
    server.refuse(lambda event: event["event_id"].endswith("2"), "database_error", "disk full")
    answer = sender.send(good_event(1), good_event(2))
    assert answer.status_code == 207
    (error,) = answer.json()["errors"]
    assert (error["index"], error["error"], error["message"]) == (1, "database_error", "disk full")
    assert server.events == [good_event(1)]


@pytest.mark.parametrize("nested", [False, True])
def test_faults_are_told_in_its_words(nested: bool, sender: Sender, server: IngestServer) -> None:
    server.nested = nested
    server.fail(503, times=1)
    server.reject(lambda event: event["event_id"].endswith("2"), 400)
    error = {"error": "service_unavailable", "message": "it fails on request"}
    told = {"error": {"code": error["error"], "message": error["message"]}} if nested else error
    assert sender.send(good_event(1)).json() == told
    assert sender.send(good_event(1), good_event(2)).status_code == 400
    assert sender.send(good_event(1)).status_code == 200
    server.rate_limit(0, retry_after=7)
    answer = sender.send(good_event(3))
    assert (answer.headers["retry-after"], answer.json()["retry_after"]) == ("7", 7)


@pytest.mark.parametrize("place", ["serving", "mounted"])
def test_a_lost_answer_leaves_what_was_taken(
    place: str, server: IngestServer, plain: httpx.Client, clock: FakeClock
) -> None:
    server.lose_reply(times=1)
    with getattr(server, place)():
        sender = Sender(plain, server, clock)
        with pytest.raises(httpx.RemoteProtocolError):
            sender.send(good_event())
        assert sender.send(good_event()).json()["duplicates"] == 1
    assert (len(server.events), server.duplicates) == (1, 1)


@pytest.mark.parametrize(
    ("org", "written"),
    [
        ("acme & sons", "acme%20%26%20sons"),
        ("a/b", "a%2Fb"),
        ("550e8400-e29b-41d4-a716-446655440000", "550E8400E29B41D4A716446655440000"),
        ("550e8400e29b41d4a716446655440000", "%7B550e8400-e29b-41d4-a716-446655440000%7D"),
    ],
)
def test_an_organization_is_written_in_many_ways(
    org: str, written: str, sender: Sender, server: IngestServer
) -> None:
    by = server.credentials(org, "crawler")
    assert sender.send(good_event(), by=by, path=f"{written}/crawler").status_code == 200
    assert server.batches[0].org == org


def test_what_did_not_come_is_shown_with_what_is_nearest(
    sender: Sender, server: IngestServer
) -> None:
    sender.send(good_event(1, url="/a"), changed(2, {"user_id": "ada"}))
    with pytest.raises(AssertionError, match="url is '/a', not '/b'") as failure:
        server.assert_event("page_fetched", url="/b")
    assert "refused: an event was refused: events[1].user_id does not" in str(failure.value)


@pytest.mark.parametrize("data", ["text", None, [1]])
def test_data_of_any_kind_is_found(data: Any, sender: Sender, server: IngestServer) -> None:
    sender.send(changed(1, {"event.data": data}))
    assert server.assert_event("page_fetched")["event"]["data"] == data
    with pytest.raises(AssertionError, match="url is missing"):
        server.assert_event("page_fetched", url="/a")
