"""Asking how a key stands: every answer is what it says, or one of the five errors."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry import HttpServer, Response
from telemetry_raxe.health_client import (
    AuthenticationError,
    HealthCheckError,
    HealthResponse,
    NetworkError,
    ServerError,
    TimeoutError,  # noqa: A004 - the name that the documents give it
    TrialStatus,
    check_health,
    check_health_async,
)

from telemetry_core import SystemClock
from tests.plugins.raxe.keys_for_tests import LIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry import Request

TRIAL = {
    "is_trial": True,
    "days_remaining": 9,
    "scans_during_trial": 40,
    "threats_detected_during_trial": 2,
}
NO_SECTIONS: dict[str, Any] = {"null": None, "a list": [], "a number": 3}
KEY: dict[str, Any] = {
    "key_id": "key_0123456789ab",
    "type": "temp",
    "tier": "temporary",
    "rate_limit": {"requests_per_minute": 50, "events_per_day": 50_000},
    "features": {"can_disable_telemetry": False, "offline_mode": False},
    "usage_today": {"events_sent": 1_234, "events_remaining": 48_766},
    "trial_status": TRIAL,
}
ANSWER = {
    "status": "healthy",
    "server_time": "2026-01-02T03:04:05Z",
    "api_version": "1.0.0",
    "key": KEY,
}


class HealthServer(HttpServer):
    """Answers as it is told to."""

    answer = Response.json(ANSWER)

    def handle(self, request: Request) -> Response:
        return self.answer


@pytest.fixture
def server() -> Iterator[HealthServer]:
    server = HealthServer()
    with server.serving():
        yield server


@pytest.fixture
def dripping() -> Iterator[str]:
    """Serve an answer that goes on for ever, a blank at a time, until who asks has gone."""

    def drip(listening: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while True:
                    connection.sendall(b" ")
                    SystemClock.sleep(0.01)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=drip, args=[listening])
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread.join()


def body(content: bytes, status: int = 200, **headers: str) -> Response:
    return Response(status, headers, content)


WRONG = {
    "empty": (body(b""), "the answer is empty"),
    "HTML": (body(b"<html>log in to the hotel</html>"), "the answer is no JSON"),
    "null": (body(b"null"), "the answer is null and no object"),
    "a list": (body(b"[]"), "the answer is a list and no object"),
    "a text": (body(b'"ok"'), "the answer is a str and no object"),
    "deep": (body(b"[" * 100_000), "the answer is no JSON"),
    "no key": (Response.json({"status": "healthy"}), "says nothing of the key"),
    "a key of null": (Response.json({**ANSWER, "key": None}), "key in the answer is null"),
    **{
        f"{name} is {kind}": (
            Response.json({**ANSWER, "key": {**KEY, name: value}}),
            f"{name} in key in the answer",
        )
        for name in ("usage_today", "rate_limit", "features", "trial_status")
        for kind, value in NO_SECTIONS.items()
    },
    "a count in words": (
        Response.json({**ANSWER, "key": {**KEY, "usage_today": {"events_sent": "many"}}}),
        "events_sent in usage_today in key in the answer is a str and not a whole number",
    ),
    "a permission in words": (
        Response.json({**ANSWER, "key": {**KEY, "features": {"offline_mode": "yes"}}}),
        "offline_mode in features in key in the answer is a str and not true or false",
    ),
    "a flag for a count": (
        Response.json({**ANSWER, "key": {**KEY, "usage_today": {"events_sent": True}}}),
        "and not a whole number",
    ),
    "a time in seconds": (Response.json({**ANSWER, "server_time": 1}), "and not a text"),
    "created": (body(b"{}", 201), r"Unexpected response (HTTP 201)"),
    "too many": (Response.json({"message": "slow down"}, 429), "(HTTP 429): slow down"),
    "nothing there": (body(b"nginx", 404), "(HTTP 404); check the address"),
}


@pytest.mark.parametrize(("response", "words"), WRONG.values(), ids=WRONG)
def test_an_answer_that_no_such_service_gives_is_an_error_that_says_so(
    server: HealthServer, response: Response, words: str
) -> None:
    server.answer = response
    with pytest.raises(HealthCheckError) as refused:
        check_health(LIVE, endpoint=server.url)
    assert type(refused.value) is HealthCheckError
    assert words in str(refused.value)


def test_a_redirect_takes_the_key_nowhere(server: HealthServer) -> None:
    server.answer = body(b"", 302, location=f"{server.url}/elsewhere")
    with pytest.raises(HealthCheckError, match=r"HTTP 302.*redirects"):
        check_health(LIVE, endpoint=server.url)
    assert [request.path for request in server.requests] == ["/v1/health"]


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response.json({"code": "AUTH_001", "message": "no such key"}, 401), "no such key"),
        (body(b"", 401), "Invalid or expired API key"),
        (Response.json({"message": 5}, 401), "Invalid or expired API key"),
        (
            Response.json({"message": "too old", "console_url": "https://c.example/k"}, 403),
            "too old\nGet a new key at: https://c.example/k",
        ),
        (body(b"[]", 403), "\nGet a new key at: https://console.raxe.ai/keys"),
        (
            Response.json({"message": "x", "console_url": "http://evil.example"}, 403),
            "\nGet a new key at: https://console.raxe.ai/keys",
        ),
    ],
)
def test_a_key_that_is_not_accepted_is_told_in_the_services_words(
    server: HealthServer, response: Response, words: str
) -> None:
    server.answer = response
    with pytest.raises(AuthenticationError) as refused:
        check_health(LIVE, endpoint=server.url)
    assert words in str(refused.value)


def test_words_of_the_service_show_no_key_and_steer_no_terminal(server: HealthServer) -> None:
    server.answer = Response.json({"message": f"unknown:\n\x1b[2J{LIVE}"}, 401)
    with pytest.raises(AuthenticationError) as refused:
        check_health(LIVE, endpoint=server.url)
    assert str(refused.value) == "unknown: [2Jraxe_live_ll…llll"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_service_in_trouble_is_a_server_error(server: HealthServer, status: int) -> None:
    server.fail(status)
    with pytest.raises(ServerError, match=f"HTTP {status}"):
        check_health(LIVE, endpoint=server.url)
    assert len(server.requests) == 1


def test_nobody_there_is_a_network_error(server: HealthServer) -> None:
    server.down()
    with pytest.raises(NetworkError, match="Could not reach server"):
        check_health(LIVE, endpoint=server.url)


def test_an_answer_that_is_cut_off_is_a_network_error(server: HealthServer) -> None:
    server.lose_reply()
    with pytest.raises(NetworkError):
        check_health(LIVE, endpoint=server.url)


def test_an_answer_of_many_megabytes_is_not_read_to_its_end(server: HealthServer) -> None:
    server.answer = body(b" " * 8_000_000)
    with pytest.raises(NetworkError, match="too large"):
        check_health(LIVE, endpoint=server.url)


def test_an_answer_that_never_comes_is_a_timeout(server: HealthServer) -> None:
    server.hang()
    with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
        check_health(LIVE, endpoint=server.url, timeout=0.1)


def test_an_answer_that_never_ends_is_a_timeout(dripping: str) -> None:
    with pytest.raises(TimeoutError):
        check_health(LIVE, endpoint=dripping, timeout=0.2)


def test_a_proxy_that_makes_no_sense_is_a_network_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    with pytest.raises(NetworkError, match="proxy"):
        check_health(LIVE, endpoint="https://raxe.invalid")


@pytest.mark.parametrize(
    "endpoint", ["http://evil.example", "http://localhost.evil.example", "", "nonsense"]
)
def test_an_address_that_is_not_trusted_is_never_asked(endpoint: str) -> None:
    with pytest.raises(NetworkError):
        check_health(LIVE, endpoint=endpoint)


@pytest.mark.parametrize("key", ["", "hunter2", f"{LIVE}\n", "raxe_gold_" + "x" * 32])
def test_what_is_no_key_is_sent_to_nobody(server: HealthServer, key: str) -> None:
    with pytest.raises(AuthenticationError):
        check_health(key, endpoint=server.url)
    assert server.requests == []


# -- when all is well


def test_all_that_the_service_says_is_read(server: HealthServer) -> None:
    assert check_health(LIVE, endpoint=server.url) == HealthResponse(
        key_type="temp",
        tier="temporary",
        days_remaining=9,
        events_today=1_234,
        events_remaining=48_766,
        rate_limit_rpm=50,
        rate_limit_daily=50_000,
        can_disable_telemetry=False,
        offline_mode=False,
        server_time="2026-01-02T03:04:05Z",
        trial_status=TrialStatus(True, 9, 40, 2),
    )
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/v1/health")
    assert request.headers["authorization"] == f"Bearer {LIVE}"


def test_it_can_be_awaited(server: HealthServer) -> None:
    found = asyncio.run(check_health_async(LIVE, endpoint=server.url))
    assert found == check_health(LIVE, endpoint=server.url)


def test_the_default_is_where_raxe_is(server: HealthServer) -> None:
    with HealthServer().mounted("https://api.raxe.ai"):
        assert check_health(LIVE).tier == "temporary"


def test_the_environment_says_where_raxe_is(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAXE_API_BASE", server.url)
    assert check_health(LIVE).tier == "temporary"


def test_what_the_service_leaves_out_is_nothing_unknown_or_not_allowed() -> None:
    assert HealthResponse.from_api_response({"key": {}}) == HealthResponse(
        key_type="unknown",
        tier="unknown",
        days_remaining=None,
        events_today=0,
        events_remaining=0,
        rate_limit_rpm=0,
        rate_limit_daily=0,
        can_disable_telemetry=False,
        offline_mode=False,
        server_time="",
        trial_status=None,
    )


@pytest.mark.parametrize("trial", [{}, {"is_trial": False, "days_remaining": 5}])
def test_without_a_trial_no_days_are_left(trial: dict[str, Any]) -> None:
    found = HealthResponse.from_api_response({"key": {**KEY, "trial_status": trial}})
    assert (found.trial_status, found.days_remaining) == (None, None)


def test_what_the_service_says_more_is_left_alone() -> None:
    said = json.loads(json.dumps({**ANSWER, "region": "eu", "key": {**KEY, "customer_id": 3}}))
    assert HealthResponse.from_api_response(said).tier == "temporary"
