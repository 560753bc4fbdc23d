from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest
from pytest_telemetry import HttpServer

from telemetry_core.clock import SystemClock
from telemetry_core.models import RunEvent
from telemetry_core.records import FOREVER, Batch, Kind, Lane, Receipt, Record
from telemetry_core.sending import (
    LARGEST_ANSWER,
    Answer,
    http_client,
    is_loopback,
    post,
    receipt_for,
    receipt_for_error,
    request,
    retry_after,
    timeout_for,
    user_agent,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock


def batch_of(count: int, deadline: float = float("inf")) -> Batch:
    return Batch(
        tuple(
            Record(f"e{n}", Kind.EVENT, n, 0, Lane.STANDARD, RunEvent(f"e{n}", "tick", 0))
            for n in range(count)
        ),
        deadline=deadline,
    )


# -- the table


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_delivers_all(telemetry_clock: FakeClock, status: int) -> None:
    receipt = receipt_for(status, {}, batch_of(2), telemetry_clock)
    assert receipt == Receipt.of(["e0", "e1"])


@pytest.mark.parametrize("status", [400, 406, 409, 411, 413, 414, 415, 418, 422, 431, 499])
def test_what_is_wrong_with_the_request_refuses_the_batch(
    telemetry_clock: FakeClock, status: int
) -> None:
    receipt = receipt_for(status, {}, batch_of(2), telemetry_clock, "event 1 is bad")
    assert receipt == Receipt.refuse(f"http_{status}", "event 1 is bad")


def test_a_record_that_stands_alone_is_rejected(telemetry_clock: FakeClock) -> None:
    receipt = receipt_for(422, {}, batch_of(1), telemetry_clock, "bad")
    assert receipt.rejected["e0"].code == "http_422"
    assert not receipt.refused_whole


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 407, 410])
def test_what_is_wrong_with_key_or_address_pauses_and_buries_nothing(
    telemetry_clock: FakeClock, status: int, count: int
) -> None:
    receipt = receipt_for(status, {}, batch_of(count), telemetry_clock)
    assert (receipt.pause_until, receipt.code) == (FOREVER, f"http_{status}")
    assert "check" in receipt.reason
    assert not receipt.rejected


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_pauses_and_says_where_it_leads_but_not_with_what(
    telemetry_clock: FakeClock, status: int
) -> None:
    headers = {"Location": "https://elsewhere.example/in?key=s3cret"}
    receipt = receipt_for(status, headers, batch_of(1), telemetry_clock)
    assert receipt.pause_until == FOREVER
    assert receipt.reason == "it redirects to https://elsewhere.example/in; check the URL"


@pytest.mark.parametrize("status", [408, 421, 423, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_waits(telemetry_clock: FakeClock, status: int) -> None:
    receipt = receipt_for(status, {"Retry-After": "7"}, batch_of(2), telemetry_clock)
    assert (receipt.retry_after, receipt.code) == (7.0, f"http_{status}")
    assert (receipt.delivered, receipt.rejected) == (frozenset(), {})
    assert not receipt.refused_whole


@pytest.mark.parametrize("status", [-1, 0, 100, 600, 10**9])
def test_a_status_that_is_none_waits(telemetry_clock: FakeClock, status: int) -> None:
    receipt = receipt_for(status, {}, batch_of(2), telemetry_clock)
    assert receipt == Receipt.wait(receipt.reason, code=f"http_{status}")


# -- Retry-After


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("1e9", 3600.0),
        ("inf", 3600.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("", None),
        ("nan", None),
        ("soon", None),
        ("Thu, 99 Jan 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_comes_in_seconds_or_as_a_date(
    telemetry_clock: FakeClock, text: str, seconds: float | None
) -> None:
    assert retry_after({"retry-after": text}, telemetry_clock) == seconds


def test_a_date_is_compared_with_the_servers_own_clock(telemetry_clock: FakeClock) -> None:
    telemetry_clock.set_wall(0)
    headers = {
        "RETRY-AFTER": "Thu, 01 Jan 2026 12:00:30 GMT",
        "DATE": "Thu, 01 Jan 2026 12:00:20 GMT",
    }
    assert retry_after(headers, telemetry_clock) == 10.0


# -- the deadline


def test_time_outs_end_with_the_deadline(telemetry_clock: FakeClock) -> None:
    timeout = timeout_for(batch_of(1, telemetry_clock.monotonic() + 4.0), telemetry_clock)
    assert timeout == httpx.Timeout(4.0)


def test_connecting_takes_a_part_of_the_time_at_most(telemetry_clock: FakeClock) -> None:
    timeout = timeout_for(batch_of(1, telemetry_clock.monotonic() + 25.0), telemetry_clock)
    assert (timeout.connect, timeout.read) == (10.0, 25.0)


def test_after_the_deadline_hardly_anything_is_waited_for(telemetry_clock: FakeClock) -> None:
    timeout = timeout_for(batch_of(1, deadline=0.0), telemetry_clock)
    assert timeout.read is not None
    assert 0.0 < timeout.read < 0.01


def test_without_a_deadline_there_is_one_all_the_same(telemetry_clock: FakeClock) -> None:
    assert timeout_for(batch_of(1), telemetry_clock).read == 30.0


# -- over a real socket

Reply = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """A loopback server that answers what the test says and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply: Reply = answering(200)
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/in"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.paths.append(self.path)
        self.server.headers.append(dict(self.headers))
        self.server.reply(self)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass


def answering(status: int, body: bytes = b"", **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with http_client(name="telemetry-core", proxies=False) as client:
        yield client


def send(client: httpx.Client, url: str, seconds: float = 10.0) -> Answer:
    batch = batch_of(1, SystemClock.monotonic() + seconds)
    return post(client, url, b"{}", batch=batch, clock=SystemClock())


def test_an_answer_comes_whole(client: httpx.Client, server: Server) -> None:
    server.reply = answering(207, b"part")
    answer = send(client, server.url)
    assert (answer.status, answer.body) == (207, b"part")
    assert answer.headers["content-length"] == "4"


def test_other_methods_need_no_body(client: httpx.Client, server: Server) -> None:
    server.reply = answering(200, b"12")
    batch = batch_of(0, SystemClock.monotonic() + 10.0)
    answer = request(client, "GET", server.url, batch=batch, clock=SystemClock())
    assert (answer.status, answer.body) == (200, b"12")
    with pytest.raises(httpx.ReadError, match="too large"):
        request(client, "GET", server.url, batch=batch, clock=SystemClock(), largest=1)


def test_it_says_who_sends(client: httpx.Client, server: Server) -> None:
    send(client, server.url)
    assert server.headers[0]["User-Agent"] == user_agent("telemetry-core")
    assert server.headers[0]["User-Agent"].startswith("telemetry-core/")


def test_a_distribution_that_is_not_installed_can_send_too() -> None:
    assert user_agent("telemetry-nowhere").startswith("telemetry-nowhere Python/3.")


def test_a_redirect_is_not_followed(client: httpx.Client, server: Server) -> None:
    server.reply = answering(307, Location="/elsewhere")
    assert send(client, server.url).status == 307
    assert server.paths == ["/in"]


def test_a_cookie_is_not_sent_back(client: httpx.Client, server: Server) -> None:
    server.reply = answering(200, b"", **{"Set-Cookie": "who=you"})
    send(client, server.url)
    send(client, server.url)
    assert ["Cookie" in headers for headers in server.headers] == [False, False]


def test_several_threads_may_send_at_once(client: httpx.Client, server: Server) -> None:
    threads = [threading.Thread(target=send, args=(client, server.url)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.paths == ["/in"] * 6


def hang(until: threading.Event) -> None:
    until.wait(10.0)


def test_an_answer_that_never_comes_ends_with_the_deadline(
    client: httpx.Client, server: Server
) -> None:
    enough = threading.Event()
    server.reply = lambda _: hang(enough)
    with pytest.raises(httpx.ReadTimeout) as raised:
        send(client, server.url, seconds=0.05)
    enough.set()
    assert receipt_for_error(raised.value).code == "network"


def test_an_answer_that_only_drips_ends_with_the_deadline(
    client: httpx.Client, server: Server, telemetry_clock: FakeClock
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "3")
        handler.end_headers()
        for _ in range(3):
            telemetry_clock.advance(4.0)
            handler.wfile.write(b"x")
            handler.wfile.flush()

    server.reply = drip
    batch = batch_of(1, telemetry_clock.monotonic() + 10.0)
    with pytest.raises(httpx.ReadTimeout):
        post(client, server.url, b"{}", batch=batch, clock=telemetry_clock)


def test_an_answer_without_an_end_is_cut(client: httpx.Client, server: Server) -> None:
    server.reply = answering(200, b"x" * (LARGEST_ANSWER + 1))
    with pytest.raises(httpx.ReadError, match="too large"):
        send(client, server.url)


def test_where_nobody_listens_the_records_wait(client: httpx.Client) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError) as raised:
            send(client, f"http://127.0.0.1:{deaf.getsockname()[1]}/in")
    receipt = receipt_for_error(raised.value)
    assert receipt == Receipt.wait(receipt.reason, code="network")
    assert receipt.reason.startswith("ConnectError: ")


def test_proxies_of_the_environment_are_used_unless_it_is_said_otherwise(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with http_client() as client:
        send(client, "http://nowhere.invalid/in")
    assert server.paths == ["http://nowhere.invalid/in"]


def test_a_trust_store_that_is_none_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        http_client(trust_store=tmp_path / "missing.pem")


@pytest.mark.parametrize("place", ["serving", "mounted"])
@pytest.mark.parametrize(("path", "asked"), [("/in", "/in?key=s"), ("/in?a=1", "/in?a=1&key=s")])
def test_a_secret_of_the_query_goes_on_the_wire_and_into_no_log(
    caplog: pytest.LogCaptureFixture, place: str, path: str, asked: str
) -> None:
    caplog.set_level(0)
    fake = HttpServer()
    with getattr(fake, place)() as url, http_client() as client:
        batch, clock = batch_of(0), SystemClock()
        to = f"{url}{path}"
        request(client, "POST", to, b"{}", batch=batch, clock=clock, secret_query="key=s")
    assert fake.requests[0].target == asked
    assert "/in" in caplog.text
    assert "key=" not in caplog.text


def test_this_machine_is_known_by_its_names() -> None:
    assert is_loopback("http://localhost:8765")
    assert is_loopback("http://127.0.0.9")
    assert is_loopback("http://[::1]:1")
    assert not is_loopback("https://localhost.example")
