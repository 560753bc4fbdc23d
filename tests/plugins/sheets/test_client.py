"""APIClient keeps the names, the pauses and the sentences of the reference, and never raises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry import FakeClock, Response
from telemetry_sheets import APIClient, APIPayload

from telemetry_core import RunRecord

if TYPE_CHECKING:
    from tests.plugins.sheets.conftest import WebAppServer

RUN = RunRecord(run_id="r-1", agent_name="crawler", job_type="nightly", status="success")
PAYLOAD = APIPayload.from_run_record(RUN)


@pytest.fixture
def client(web_app: WebAppServer, clock: FakeClock) -> APIClient:
    return APIClient(web_app.url, "secret", True, clock=clock)


def test_a_run_is_posted_to_the_url_as_given(client: APIClient, web_app: WebAppServer) -> None:
    client.api_url = f"{web_app.url}/macros/s/abc/exec?x=1"
    assert client.post_run_sync(PAYLOAD) == (True, "[OK] Posted to API (attempt 1)")
    (request,) = web_app.requests
    assert (request.method, request.path) == ("POST", "/macros/s/abc/exec")
    assert request.headers["authorization"] == "Bearer secret"
    assert web_app.received == [PAYLOAD.to_dict()]


def test_without_a_token_there_is_no_authorization(web_app: WebAppServer) -> None:
    assert APIClient(api_url=web_app.url, api_enabled=True).post_run_sync(PAYLOAD)[0]
    assert "authorization" not in web_app.requests[0].headers


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "disabled"),
        ({"api_url": "http://x", "api_token": "t"}, "GOOGLE_SHEETS_API_ENABLED"),
        ({"api_enabled": True}, "not configured"),
    ],
)
def test_what_is_off_is_skipped_and_says_so(settings: dict[str, Any], words: str) -> None:
    done, said = APIClient(**settings).post_run_sync(PAYLOAD)
    assert (done, said.startswith("[SKIP]"), words in said) == (False, True, True)


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble_is_asked_three_times(
    client: APIClient, web_app: WebAppServer, clock: FakeClock, status: int
) -> None:
    web_app.fail(status)
    began = clock.monotonic()
    said = f"[FAIL] API post failed after 3 attempts: HTTP {status}"
    assert client.post_run_sync(PAYLOAD) == (False, said)
    assert (len(web_app.requests), clock.monotonic() - began) == (3, 1 + 2)


def test_it_is_posted_by_a_later_attempt(client: APIClient, web_app: WebAppServer) -> None:
    web_app.fail(503, times=2)
    assert client.post_run_sync(PAYLOAD) == (True, "[OK] Posted to API (attempt 3)")


def test_more_attempts_are_never_more_than_four_seconds_apart(
    client: APIClient, web_app: WebAppServer, clock: FakeClock
) -> None:
    web_app.fail()
    client.max_retries = 6
    began = clock.monotonic()
    client.post_run_sync(PAYLOAD)
    assert clock.monotonic() - began == 1 + 2 + 4 + 4 + 4


def test_what_the_server_refuses_is_not_tried_again(
    client: APIClient, web_app: WebAppServer
) -> None:
    web_app.fail(404)
    done, said = client.post_run_sync(PAYLOAD)
    assert not done
    assert said.startswith("[FAIL] API client error 404 (not retried): there is no web app")
    assert len(web_app.requests) == 1


def test_a_server_that_is_down_is_said_to_be(client: APIClient, web_app: WebAppServer) -> None:
    web_app.down()
    done, said = client.post_run_sync(PAYLOAD)
    assert (done, said.startswith("[FAIL] API request error: ConnectError")) == (False, True)


def test_a_server_that_hangs_is_a_timeout(web_app: WebAppServer) -> None:
    client = APIClient(web_app.url, None, True, max_retries=1, timeout=0.05)
    fault = web_app.hang()
    assert client.post_run_sync(PAYLOAD) == (False, "[FAIL] API timeout after 1 attempts")
    web_app.clear(fault)


@pytest.mark.parametrize(
    ("location", "done"),
    [("/result?user=1", True), ("https://accounts.google.com/ServiceLogin", False), ("", True)],
)
def test_a_redirect_to_its_own_host_is_a_success_and_is_not_followed(
    client: APIClient, web_app: WebAppServer, location: str, done: bool
) -> None:
    web_app.answer = Response(302, {"Location": location}, b"")
    assert client.post_run_sync(PAYLOAD)[0] is done
    assert len(web_app.requests) == 1


def test_a_run_service_is_recognised(web_app: WebAppServer, client: APIClient) -> None:
    assert "run service" in APIClient("http://localhost:8765", None, True).test_connection()[1]
    web_app.answer = Response(404, {"X-Telemetry-Service": "ours"}, b"")
    assert "run service" in client.post_run_sync(PAYLOAD)[1]


def test_it_can_be_awaited(client: APIClient) -> None:
    assert asyncio.run(client.post_run_async(PAYLOAD)) == (True, "[OK] Posted to API (attempt 1)")


def test_the_event_loop_goes_on_while_the_server_hangs(web_app: WebAppServer) -> None:
    client = APIClient(web_app.url, None, True, max_retries=1, timeout=5)
    fault = web_app.hang()

    async def ended_by_the_loop() -> bool:
        posting = asyncio.create_task(client.post_run_async(PAYLOAD))
        await asyncio.sleep(0)
        went_on = not posting.done()
        web_app.clear(fault)
        await posting
        return went_on

    assert asyncio.run(ended_by_the_loop())


@pytest.mark.parametrize(
    ("variable", "value"), [("HTTPS_PROXY", "garbage://x"), ("SSL_CERT_FILE", "/nowhere/at/all")]
)
def test_an_environment_that_httpx_cannot_take_is_a_failure_that_says_so(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    done, said = APIClient("https://example.invalid/exec", None, True).post_run_sync(PAYLOAD)
    assert (done, said.startswith("[FAIL] Unexpected API error: ")) == (False, True)


@pytest.mark.parametrize("settings", [{"timeout": None}, {"max_retries": None}, {"api_url": 5}])
def test_settings_of_another_type_raise_nothing(
    web_app: WebAppServer, settings: dict[str, Any]
) -> None:
    client = APIClient(**{"api_url": web_app.url, "api_enabled": True, **settings})
    assert client.post_run_sync(PAYLOAD)[1].startswith("[FAIL]")


def test_without_httpx_it_is_skipped_and_says_what_to_install(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry_sheets.client.find_spec", lambda _name: None)
    done, said = client.post_run_sync(PAYLOAD)
    assert (done, said.startswith("[SKIP] httpx not installed")) == (False, True)


@pytest.mark.parametrize(("status", "done"), [(200, True), (405, True), (404, False), (500, False)])
def test_a_connection_is_tested_without_a_post(
    client: APIClient, web_app: WebAppServer, status: int, done: bool
) -> None:
    web_app.answer = Response(status, {}, b"")
    assert client.test_connection()[0] is done
    assert [request.method for request in web_app.requests] == ["GET"]


def test_a_token_that_no_header_can_hold_is_not_shown() -> None:
    said = APIClient("http://x", "hunter2\n", True).post_run_sync(PAYLOAD)[1]
    assert said.startswith("[FAIL] the token")
    assert "hunter2" not in said
    assert "hunter2" not in repr(APIClient("http://x", "hunter2"))
