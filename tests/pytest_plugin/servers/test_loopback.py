"""What comes over a socket and no HTTP client would send, and what is left when it is over."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from pytest_telemetry import HttpServer
from pytest_telemetry.servers import connection as connection_module
from pytest_telemetry.servers import fake as fake_module
from pytest_telemetry.servers import messages as messages_module

if TYPE_CHECKING:
    from collections.abc import Iterator

POST = b"POST /events HTTP/1.1\r\nHost: here\r\n"
WHOLE = POST + b'Content-Length: 7\r\n\r\n{"n":1}'


@pytest.fixture
def url(server: HttpServer) -> Iterator[str]:
    with server.serving() as url:
        yield url


@pytest.fixture
def wire(url: str) -> Iterator[socket.socket]:
    """Return a connection to the server."""
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        yield wire


def said(wire: socket.socket) -> bytes:
    """Say that nothing more comes, and return all that is answered."""
    wire.shutdown(socket.SHUT_WR)
    return wire.makefile("rb").read()


def test_requests_in_one_go_are_answered_one_after_the_other(
    server: HttpServer, wire: socket.socket
) -> None:
    wire.sendall(WHOLE * 3)
    assert said(wire).count(b"HTTP/1.1 200 OK\r\n") == 3
    assert server.received == [{"n": 1}] * 3


def test_a_request_may_come_byte_by_byte(server: HttpServer, wire: socket.socket) -> None:
    for byte in WHOLE:
        wire.sendall(bytes([byte]))
    assert said(wire).startswith(b"HTTP/1.1 200 OK\r\n")
    assert server.received == [{"n": 1}]


@pytest.mark.parametrize("length", [1, 25, len(POST), len(WHOLE) - 1])
def test_half_a_request_is_none(length: int, server: HttpServer, wire: socket.socket) -> None:
    wire.sendall(WHOLE[:length])
    assert (said(wire), server.requests) == (b"", [])


@pytest.mark.parametrize(
    "body",
    [
        b'7\r\n{"n":1}\r\n0\r\n\r\n',
        b'3;why=not\r\n{"n\r\n4 \r\n":1}\r\n000\r\nTrailer: yes\r\n\r\n',
    ],
)
def test_a_body_may_come_in_chunks(body: bytes, server: HttpServer, wire: socket.socket) -> None:
    wire.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + WHOLE)
    assert said(wire).count(b" 200 OK\r\n") == 2
    assert server.received == [{"n": 1}] * 2


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/one\r\n\r\n",
        pytest.param(b"POST /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", id="long"),
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1e3\r\n\r\n",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        POST + b"Transfer-Encoding: gzip\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nseven\r\n",
        POST + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"n":1}\r\n0\r\n\r\n',
        pytest.param(POST + b"X: y\r\n" * 200 + b"\r\n", id="many"),
    ],
)
def test_garbage_is_refused_and_ends_the_connection(
    garbage: bytes, server: HttpServer, wire: socket.socket
) -> None:
    wire.sendall(garbage)
    answer = wire.makefile("rb").read()
    assert answer.startswith((b"HTTP/1.1 4", b"<!DOCTYPE HTML"))
    assert server.requests == []
    httpx.post(server.url, json=1).raise_for_status()


def test_a_client_that_asks_first_is_told_to_go_on(wire: socket.socket) -> None:
    wire.sendall(POST + b"Content-Length: 7\r\nExpect: 100-continue\r\n\r\n")
    assert wire.recv(100).startswith(b"HTTP/1.1 100 ")
    wire.sendall(b'{"n":1}')
    assert b" 200 OK\r\n" in said(wire)


def test_a_client_that_wants_no_more_is_left_alone(wire: socket.socket) -> None:
    wire.sendall(POST + b"Connection: close\r\nContent-Length: 1\r\n\r\n1")
    assert b"connection: close" in wire.makefile("rb").read()


def test_one_that_goes_away_before_its_answer_hurts_nobody(
    server: HttpServer, wire: socket.socket
) -> None:
    fault = server.hang()
    wire.sendall(WHOLE)
    server.wait_for(lambda: fault.count)
    wire.close()
    server.clear()
    httpx.post(server.url, json=1).raise_for_status()


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_beyond_all_measure_is_refused_and_the_connection_lives(
    chunked: bool, server: HttpServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (connection_module, fake_module, messages_module):
        monkeypatch.setattr(module, "LARGEST_BODY", 1000)
    body = b"1" * 200_000
    with httpx.Client(base_url=url) as http:
        sent = iter([body[:999], body[999:]]) if chunked else body
        assert http.post("/", content=sent).status_code == 413
        assert http.post("/", json=1).status_code == 200
    assert [len(request.body) for request in server.requests] == [1001, 1]


# -- when it is over


def test_nothing_is_left_of_a_server_that_hung_and_had_idle_clients(server: HttpServer) -> None:
    before = set(threading.enumerate())
    with httpx.Client() as http, server.serving() as url:
        http.post(url, json=1)
        port = int(url.rpartition(":")[2])
        half = socket.create_connection(("127.0.0.1", port))
        half.sendall(POST)
        server.hang()
        hung = socket.create_connection(("127.0.0.1", port))
        hung.sendall(WHOLE)
        server.wait_for(lambda: len(server.requests) == 2)
    assert set(threading.enumerate()) <= before
    for one in (half, hung):
        one.settimeout(30)
        with one:
            assert one.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_the_port_stays_the_servers_own_while_it_is_down(server: HttpServer, url: str) -> None:
    for _ in range(20):
        server.down()
        with HttpServer().serving() as another:
            assert another != url
        server.up()
        assert httpx.post(server.url, json=1).status_code == 200


def test_a_port_may_be_chosen_unless_another_fake_has_it(server: HttpServer) -> None:
    with server.serving() as url, httpx.Client(base_url=url) as http:
        assert http.post("/", json=1).status_code == 200
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), HttpServer().serving(port):
            pass
    with HttpServer().serving(port) as again:  # although connections of it have just ended
        assert (again, httpx.post(again, json=1).status_code) == (url, 200)


def test_a_child_that_was_forked_holds_no_door_open(server: HttpServer, url: str) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.read(reading, 1)
        os._exit(0)
    server.down()
    with pytest.raises(httpx.ConnectError):
        httpx.post(url, json=1)
    server.up()
    assert httpx.post(url, json=1).status_code == 200
    os.write(writing, b"!")
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)


def test_a_child_that_ends_as_its_parent_would_ends_nothing_of_the_parents(
    server: HttpServer,
) -> None:
    with httpx.Client() as http, server.serving() as url:
        http.post(url, json=1).raise_for_status()
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
            assert http.post(url, json=2).status_code == 200
            assert httpx.post(url, json=3).status_code == 200
    if not child:
        os._exit(0)
    assert server.received == [1, 2, 3]


def test_a_server_that_is_not_served_has_no_address(server: HttpServer) -> None:
    with server.serving():
        assert server.url.startswith("http://127.0.0.1:")
    with pytest.raises(RuntimeError, match=r"with server\.serving"):
        _ = server.url
