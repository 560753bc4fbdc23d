"""A receiver of JSON takes JSON and nothing else, on a port and in process."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pytest
from attrs import define
from pytest_telemetry import FakeServer, HttpServer, Request, Response

from telemetry_core import Batch, TelemetryClient, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core import TelemetryConfig

NDJSON = {"content-type": "application/x-ndjson"}


@pytest.mark.parametrize(
    ("body", "headers", "values"),
    [
        (b'{"n": 1}', {}, [{"n": 1}]),
        (b'[{"n": 1}, 2]', {}, [{"n": 1}, 2]),
        (b"[]", {}, []),
        (b" null\n", {}, [None]),
        (b'{"n": 1}\n{"n": 2}\n', {}, [{"n": 1}, {"n": 2}]),
        (b'{"n": 1}\r\n\r\n[2]', {}, [{"n": 1}, [2]]),
        (b"[1]\n", NDJSON, [[1]]),
        ("\ufeff".encode()[3:] + '"é"'.encode(), {}, ["é"]),
    ],
)
def test_json_is_taken(
    body: bytes,
    headers: dict[str, str],
    values: list[Any],
    server: HttpServer,
    http: httpx.Client,
) -> None:
    for content, coding in ((body, {}), (gzip.compress(body), {"content-encoding": "gzip"})):
        answer = http.post("/any/path", content=content, headers={**headers, **coding})
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert server.received == values * 2


def test_a_body_may_be_streamed(server: HttpServer, http: httpx.Client) -> None:
    assert http.post("/", content=iter([b"[1,", b" 2]"])).status_code == 200
    assert server.received == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"hello",
        b'{"n": NaN}',
        b'{"n": 1}\nhello',
        b"\xff\xfe",
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"1" * 5_000, id="long"),
    ],
)
@pytest.mark.parametrize("headers", [{}, NDJSON])
def test_what_is_no_json_is_refused(
    body: bytes, headers: dict[str, str], server: HttpServer, http: httpx.Client
) -> None:
    answer = http.post("/", content=body, headers=headers)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
    assert answer.json()["error"].startswith("this is no JSON: ")
    assert (len(server.requests), server.received) == (1, [])


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (b"no gzip", "gzip", 400),
        (gzip.compress(b"[1]")[:-5], "gzip", 400),
        (gzip.compress(b" " * 40_000_000), "gzip", 413),
        (b"[1]", "br", 415),
    ],
    ids=["none", "torn", "bomb", "other"],
)
def test_what_cannot_be_unpacked_is_refused(
    body: bytes, coding: str, status: int, server: HttpServer, http: httpx.Client
) -> None:
    answer = http.post("/", content=body, headers={"content-encoding": coding})
    assert (answer.status_code, server.received) == (status, [])


def test_only_post_is_taken(server: HttpServer, http: httpx.Client) -> None:
    for method in ("GET", "PUT", "BREW"):
        answer = http.request(method, "/", content=b"1")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (http.head("/").content, server.received) == (b"", [])


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer wrong"}])
def test_a_required_header_that_is_missing_or_wrong_is_refused(
    sent: dict[str, str], server: HttpServer, http: httpx.Client
) -> None:
    server.require_header("Authorization", "Bearer right")
    answer = http.post("/", json=1, headers=sent)
    assert (answer.status_code, server.received) == (401, [])
    assert "authorization" in answer.json()["error"]
    assert "right" not in answer.text
    assert http.post("/", json=1, headers={"authorization": "Bearer right"}).status_code == 200


# -- what every fake can do


def test_a_test_waits_for_what_arrives(server: HttpServer, http: httpx.Client) -> None:
    http.post("/", json=[1, 2])
    assert server.wait_for(lambda: server.received) == [1, 2]


def test_waiting_in_vain_shows_what_arrived_instead(server: HttpServer, http: httpx.Client) -> None:
    with pytest.raises(AssertionError, match=r"^nothing came in 0 s$"):
        server.wait_for(lambda: server.received, within=0)
    for number in range(12):
        http.post(f"/{number}", content=b"no json")
    with pytest.raises(AssertionError) as failure:
        server.wait_for(lambda: server.received, within=0)
    lines = str(failure.value).splitlines()
    assert lines[0] == "waited 0 s in vain; the last 10 of 12 requests:"
    assert (lines[1], lines[-1]) == ("  POST /2 (7 bytes): 400", "  POST /11 (7 bytes): 400")


class Teapot(FakeServer):
    """Answers without a body, and breaks when asked for coffee."""

    def handle(self, request: Request) -> Response:
        if request.path == "/coffee":
            raise ZeroDivisionError
        return Response(204)


@pytest.mark.parametrize("place", ["serving", "mounted"])
def test_a_fake_may_answer_nothing(place: str) -> None:
    teapot = Teapot()
    with getattr(teapot, place)() as url, httpx.Client(base_url=url) as http:
        for _ in range(2):
            answer = http.get("/tea")
            assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("place", ["serving", "mounted"])
def test_what_breaks_in_a_fake_answers_500_and_is_raised_at_the_end(place: str) -> None:
    teapot, answers = Teapot(), list[httpx.Response]()
    with pytest.raises(ZeroDivisionError), getattr(teapot, place)() as url:
        answers.append(httpx.get(f"{url}/coffee"))
    assert answers[0].status_code == 500
    assert "ZeroDivisionError" in answers[0].text


# -- in process


@define(eq=False)
class Webhook:
    """Posts what it gets, off this machine as far as it knows."""

    remote: ClassVar[bool] = True

    url: str

    @hookimpl
    def ship_batch(self, batch: Batch) -> None:
        values = [record.body.to_dict() for record in batch]
        httpx.post(self.url, json=values).raise_for_status()


@pytest.fixture
def mounted(server: HttpServer) -> Iterator[str]:
    with server.mounted("https://api.example.com/v1") as url:
        yield url


def test_in_process_a_fake_stands_at_any_address(server: HttpServer, mounted: str) -> None:
    assert httpx.post(f"{mounted}/events", json=1).status_code == 200
    assert (server.url, server.requests[0].path) == (mounted, "/v1/events")


@pytest.mark.parametrize("url", ["https://api.example.com/v2", "https://example.com/v1"])
def test_in_process_nothing_goes_anywhere_else(url: str, server: HttpServer, mounted: str) -> None:
    with pytest.raises(AssertionError, match="not mocked"):
        httpx.post(url, json=1)
    assert server.requests == []


def test_in_process_two_fakes_stand_side_by_side(server: HttpServer, mounted: str) -> None:
    other = HttpServer()
    with other.mounted("https://other.example.com") as second:
        httpx.post(mounted, json=1)
        httpx.post(second, json=2)
    httpx.post(mounted, json=3)
    assert (server.received, other.received) == ([1, 3], [2])


@pytest.mark.telemetry(live=True)
def test_in_process_a_sink_on_a_thread_of_its_own_is_answered_too(
    server: HttpServer, mounted: str, telemetry_config: TelemetryConfig
) -> None:
    client = TelemetryClient(telemetry_config, plugins=[Webhook(mounted)])
    client.capture("signed_up")
    assert client.flush(30)
    client.close()
    assert [event["event_type"] for event in server.received] == ["signed_up"]


def test_in_process_async_clients_are_answered_too(server: HttpServer, mounted: str) -> None:
    import asyncio

    async def post() -> int:
        async with httpx.AsyncClient() as http:
            return (await http.post(mounted, content=json.dumps([1]))).status_code

    assert asyncio.run(post()) == 200
    assert server.received == [1]
