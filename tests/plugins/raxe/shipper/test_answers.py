"""Every answer is a result or the error that it stands for, whatever is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe.shipper_errors import InvalidBatchError, StrangeAnswerError
from telemetry_raxe.telemetry_shipper import (
    AuthenticationError,
    DailyLimitExceededError,
    PrivacyViolationError,
    RateLimitError,
    ShipperError,
    TelemetryShipper,
    TelemetryShipperConfig,
)

from tests.plugins.raxe.shipper.conftest import credentials_of, scan

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock

    from tests.plugins.raxe.shipper.conftest import AnyAnswer, Shippers

MIDNIGHT = 1_767_312_000  # 2026-01-02, by the clock of the tests


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "AUTH_001", AuthenticationError),
        (403, "AUTH_002", AuthenticationError),
        (403, "AUTH_006", AuthenticationError),
        (403, "", AuthenticationError),
        (403, "DAILY_LIMIT_001", DailyLimitExceededError),
        (429, "RATE_001", RateLimitError),
        (429, "", RateLimitError),
        (422, "PRI_001", PrivacyViolationError),
        (422, "PRI_002", PrivacyViolationError),
        (400, "VAL_001", InvalidBatchError),
        (413, "", InvalidBatchError),
        (404, "", ShipperError),
        (302, "", ShipperError),
    ],
)
def test_an_error_is_told_by_its_code_and_else_by_its_status(
    shipper: TelemetryShipper,
    server: AnyAnswer,
    status: int,
    code: str,
    kind: type[ShipperError],
) -> None:
    server.say({"error": "some_word", "message": "no", "code": code}, status)
    with pytest.raises(ShipperError) as caught:
        shipper.ship_batch([scan()])
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.code == code or not code
    assert server.posts == 1


@pytest.mark.parametrize("situation", ["unknown", "expired", "telreq"])
def test_a_key_that_is_not_accepted(shipper_for: Shippers, situation: str) -> None:
    with pytest.raises(AuthenticationError):
        shipper_for(situation).ship_batch([scan()])


@pytest.mark.parametrize("page", ["console_url", "upgrade_url"])
def test_an_error_names_the_page_that_helps(
    shipper: TelemetryShipper, server: AnyAnswer, page: str
) -> None:
    server.say({"code": "AUTH_006", "message": "Required", page: "https://raxe.test/up"}, 403)
    with pytest.raises(AuthenticationError, match=r"Required; see https://raxe\.test/up"):
        shipper.ship_batch([scan()])


def test_no_error_shows_the_key(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    server.say({"message": f"no such key:\n{server.keys['ok']}"}, 401)
    with pytest.raises(AuthenticationError, match="no such key: raxe_live_ok…0000") as caught:
        shipper.ship_batch([scan()])
    assert server.keys["ok"] not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry_after": "30"}, {"retry_after": 7}, 30),
        ({"retry_after": "Thu, 01 Jan 2026 12:01:00 GMT"}, {}, 60),
        ({}, {"details": {"retry_after": 20}, "retry_after": 7}, 20),
        ({}, {"retry_after": 7.5}, 7.5),
        ({}, {"retry_after": 10**9}, 3600),
        ({"retry_after": "soon"}, {"retry_after": 7}, 7),
        ({}, {"retry_after": "7"}, None),
        ({}, {"retry_after": True}, None),
        ({}, {"retry_after": -1}, None),
        ({}, {"details": "soon"}, None),
    ],
)
def test_how_long_to_wait_is_read_wherever_it_stands(
    shipper: TelemetryShipper,
    server: AnyAnswer,
    headers: dict[str, str],
    body: dict[str, Any],
    seconds: float | None,
) -> None:
    server.say(body, 429, **headers)
    with pytest.raises(RateLimitError) as caught:
        shipper.ship_batch([scan()])
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "reset_at"),
    [
        ({"details": {"reset_at": MIDNIGHT - 60}, "reset_at": MIDNIGHT}, MIDNIGHT - 60),
        ({"reset_at": MIDNIGHT + 60}, MIDNIGHT + 60),
        ({"details": {"reset_at": "2026-01-02T00:00:30Z"}}, MIDNIGHT + 30),
        ({"details": {"reset_at": "2026-01-02T01:00:00+01:00"}}, MIDNIGHT),
        ({"details": {"reset_at": "2026-01-02T00:00:30"}}, MIDNIGHT + 30),
        ({}, MIDNIGHT),
        ({"details": {"reset_at": "tomorrow"}}, MIDNIGHT),
        ({"details": {"reset_at": None}}, MIDNIGHT),
        ({"details": {"reset_at": True}}, MIDNIGHT),
        ({"details": {"reset_at": -1}}, MIDNIGHT),
        ({"details": {"reset_at": MIDNIGHT * 1000}}, MIDNIGHT),
        ({"details": {"reset_at": 10**400}}, MIDNIGHT),
        ({"details": ["reset_at"]}, MIDNIGHT),
    ],
)
def test_when_a_day_ends_is_read_wherever_it_stands(
    shipper: TelemetryShipper, server: AnyAnswer, body: dict[str, Any], reset_at: int
) -> None:
    server.say({"code": "DAILY_LIMIT_001", **body}, 403)
    with pytest.raises(DailyLimitExceededError) as caught:
        shipper.ship_batch([scan()])
    assert caught.value.reset_at == reset_at


def test_what_is_private_is_named(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    private = scan(2, payload={"prompt": "hunter2"})
    with pytest.raises(PrivacyViolationError) as caught:
        shipper.ship_batch([scan(1), private])
    assert caught.value.field == "events[1].payload.prompt"
    assert caught.value.code == "PRI_002"
    assert server.events == []


FULL = {"status": "ok", "accepted": 1, "rejected": 0}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html>log in to this network</html>",
        b"null",
        b"[]",
        b"7",
        b'"ok"',
        b'{"accepted":1',
        b"\xff\xfe",
        b"[" * 100_000,
        {"status": "ok"},
        {**FULL, "accepted": "1"},
        {**FULL, "accepted": True},
        {**FULL, "accepted": 1.0},
        {**FULL, "rejected": None},
        {**FULL, "rejected": -1},
        {**FULL, "duplicates": "none"},
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_no_raxe_would_answer_is_no_success(
    shipper: TelemetryShipper, server: AnyAnswer, body: Any
) -> None:
    server.say(body)
    with pytest.raises(StrangeAnswerError, match="check the endpoint"):
        shipper.ship_batch([scan()])
    assert shipper.get_stats()["events_sent"] == 0
    assert shipper.get_circuit_state() == "closed"


@pytest.mark.parametrize("status", [201, 203, 204, 206, 226])
def test_any_other_success_is_none(
    shipper: TelemetryShipper, server: AnyAnswer, status: int
) -> None:
    server.say(FULL, status)
    with pytest.raises(StrangeAnswerError):
        shipper.ship_batch([scan()])


@pytest.mark.parametrize("listed", [None, "evt_1", {"a": 1}, [None, "evt_1", 7]])
def test_a_list_of_errors_that_is_none_breaks_nothing(
    shipper: TelemetryShipper, server: AnyAnswer, listed: Any
) -> None:
    server.say({**FULL, "accepted": 0, "rejected": 1, "rejected_events": listed}, 207)
    result = shipper.ship_batch([scan()])
    assert (result.success, result.rejected, result.errors) == (False, 1, [])


def test_an_answer_without_end_is_given_up(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    server.say(b" " * 3_000_000)
    with pytest.raises(ShipperError, match="too large"):
        shipper.ship_batch([scan()])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    shipper: TelemetryShipper, server: AnyAnswer, status: int
) -> None:
    server.say({}, status, location=f"{server.url}/v1/elsewhere?key=1")
    with pytest.raises(ShipperError, match=r"redirects to http.*/v1/elsewhere; check"):
        shipper.ship_batch([scan()])
    assert [request.path for request in server.requests] == ["/v1/health", "/v1/telemetry"]


def test_no_result_and_no_error_repeats_the_key(
    shipper: TelemetryShipper, server: AnyAnswer
) -> None:
    key = server.keys["ok"]
    told = {"event_id": "evt_1", "error": f"not for {key}", "code": key}
    server.say({"accepted": 0, "rejected": 1, "rejected_events": [told]}, 207)
    assert key not in repr(shipper.ship_batch([scan()]))
    server.say({"code": "X_001", "details": {"field": key}}, 422)
    with pytest.raises(PrivacyViolationError) as caught:
        shipper.ship_batch([scan()])
    assert key not in str(vars(caught.value))
    server.say({"code": "X_001", "seen": key}, 503)
    assert key not in repr(shipper.ship_batch([scan()]))


@pytest.mark.parametrize("key", ["raxe_live_" + "k" * 32 + "\n", "raxe_live_" + "é" * 32, "mine"])
def test_what_is_no_key_is_sent_to_nobody_and_shown_to_nobody(
    server: AnyAnswer, clock: FakeClock, key: str
) -> None:
    config = TelemetryShipperConfig(endpoint=f"{server.url}/v1/telemetry")
    shipper = TelemetryShipper(config, credentials_of(key), clock=clock)
    with pytest.raises(AuthenticationError) as caught:
        shipper.ship_batch([scan()])
    assert key.strip() not in str(caught.value)
    assert server.requests == []
