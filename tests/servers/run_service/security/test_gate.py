"""Who may ask, and how often: the exact answers of the reference, in its order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import Request
from telemetry_run_service.security.gate import Gate
from telemetry_run_service.security.rates import WINDOW, RateLimit, client_of
from telemetry_run_service.settings.settings import ServiceSettings

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock

REQUIRED = "Authorization header required. Use: Authorization: Bearer <token>"
MALFORMED = "Invalid authorization format. Use: Authorization: Bearer <token>"
WRONG = "Invalid authentication token"


def gate(**said: Any) -> Gate:
    """Return the gate of these settings."""
    return Gate(ServiceSettings(db_path="runs.sqlite", **said))


def guarded(**said: Any) -> Gate:
    """Return a gate that knows two tokens."""
    return gate(auth_enabled=True, auth_tokens=("one", "zwölf"), **said)


def request(authorization: bytes | None = None, client: str = "10.0.0.1") -> Request:
    """Return a request as a route has it."""
    headers = [] if authorization is None else [(b"authorization", authorization)]
    return Request({"type": "http", "headers": headers, "client": (client, 1)})


def detail(answer: Any) -> str:
    """Return what an answer says."""
    return str(json.loads(answer.body)["detail"])


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, REQUIRED),
        (b"", REQUIRED),
        (b"  ", REQUIRED),
        (b"Bearer", MALFORMED),
        (b"one", MALFORMED),
        (b"Basic one", MALFORMED),
        (b"Bearer one two", MALFORMED),
        (b"Bearer two", WRONG),
        (b"Bearer One", WRONG),
        (b"Bearer \xff\xfe", WRONG),
        (b"Bearer " + b"x" * 100_000, WRONG),
    ],
)
def test_who_is_not_known_is_told_so_in_the_words_of_the_reference(
    header: bytes | None, said: str
) -> None:
    answer = guarded().check(request(header))
    assert answer is not None
    assert (answer.status_code, detail(answer)) == (401, said)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "header", [b"Bearer one", b"bearer one", b"BEARER  one ", "Bearer zwölf".encode()]
)
def test_each_token_is_accepted_and_the_scheme_in_any_case(header: bytes) -> None:
    assert guarded().check(request(header)) is None


def test_without_authentication_nobody_is_asked() -> None:
    assert gate().check(request(b"Bearer nonsense")) is None
    assert gate().trusts(request())


def test_reading_is_open_unless_it_is_said_otherwise() -> None:
    assert guarded().check(request(), read=True) is None
    answer = guarded(auth_reads=True).check(request(), read=True)
    assert answer is not None
    assert answer.status_code == 401


def test_paths_are_only_for_those_with_a_token() -> None:
    assert not guarded().trusts(request(b"Bearer two"))
    assert guarded().trusts(request(b"Bearer one"))


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    limited = gate(rate_limit_enabled=True, rate_limit_rpm=2)
    assert [limited.check(request()) for _ in range(2)] == [None, None]
    answer = limited.check(request())
    assert answer is not None
    assert (answer.status_code, detail(answer)) == (
        429,
        "Rate limit exceeded. Max 2 requests per minute.",
    )
    wanted = {"retry-after": "60", "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0"}
    assert wanted.items() <= dict(answer.headers).items()


def test_who_is_not_known_is_not_counted() -> None:
    limited = guarded(rate_limit_enabled=True, rate_limit_rpm=1)
    statuses = [
        answer.status_code if (answer := limited.check(request(header))) else 200
        for header in (None, None, b"Bearer one", b"Bearer one", None)
    ]
    assert statuses == [401, 401, 200, 429, 401]


def test_what_is_not_limited_is_not_counted() -> None:
    limited = gate(rate_limit_enabled=True, rate_limit_rpm=1)
    assert [limited.check(request(), limited=False) for _ in range(3)] == [None] * 3
    assert limited.check(request()) is None


@pytest.fixture
def limit(telemetry_clock: FakeClock) -> RateLimit:
    """Return a limit of three a minute."""
    return RateLimit(3, telemetry_clock)


def test_the_window_slides(limit: RateLimit, telemetry_clock: FakeClock) -> None:
    for _ in range(3):
        assert limit.allows("10.0.0.1")
        telemetry_clock.advance(10)
    assert not limit.allows("10.0.0.1")  # at 30
    telemetry_clock.advance(WINDOW - 30.5)
    assert not limit.allows("10.0.0.1")  # at 59.5
    telemetry_clock.advance(0.5)
    assert limit.allows("10.0.0.1")  # the first one is a minute ago
    assert not limit.allows("10.0.0.1")


def test_a_refused_request_is_not_counted(limit: RateLimit, telemetry_clock: FakeClock) -> None:
    for _ in range(100):
        limit.allows("10.0.0.1")
    telemetry_clock.advance(WINDOW)
    assert [limit.allows("10.0.0.1") for _ in range(4)] == [True, True, True, False]


def test_each_client_has_a_minute_of_its_own(limit: RateLimit) -> None:
    assert [limit.allows(f"10.0.0.{n % 2}") for n in range(8)] == [True] * 6 + [False] * 2


def test_clients_that_are_silent_for_a_minute_are_forgotten(
    limit: RateLimit, telemetry_clock: FakeClock
) -> None:
    for number in range(1000):
        limit.allows(f"client-{number}")
    telemetry_clock.advance(WINDOW)
    limit.allows("another")
    assert len(limit) == 1


def test_a_crowd_of_clients_costs_a_bounded_memory(
    limit: RateLimit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry_run_service.security.rates._MOST_MOMENTS", 100)
    for number in range(1000):
        assert limit.allows(f"client-{number}")
    assert len(limit) <= 101
    assert [limit.allows("client-999") for _ in range(3)] == [True, True, False]


def test_a_flood_of_one_client_costs_a_bounded_memory(telemetry_clock: FakeClock) -> None:
    limit = RateLimit(1_000_000, telemetry_clock)
    for _ in range(6000):
        assert limit.allows("10.0.0.1")
        telemetry_clock.advance(0.01)
    assert limit._moments <= 1202


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", client_of("2001:db8::ffff:2")),
        ("fe80::1%eth0", client_of("fe80::2")),
        ("no:address", "no:address"),
        ("", ""),
        ("x" * 500, "x" * 64),
    ],
)
def test_an_ipv6_client_is_its_network(address: str, client: str) -> None:
    assert client_of(address) == client
