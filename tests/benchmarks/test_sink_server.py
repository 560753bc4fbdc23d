"""The sink server speaks HTTP/1.1 and counts exactly."""

from __future__ import annotations

import gzip
import socket
from collections import Counter
from http.client import HTTPConnection
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from benchmarks.sink_server import SinkServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0


@pytest.fixture(scope="module")
def running() -> Iterator[SinkServer]:
    with SinkServer() as server:
        yield server


@pytest.fixture
def server(running: SinkServer) -> SinkServer:
    running.forget()
    return running


@pytest.fixture
def connection(server: SinkServer) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    yield connection
    connection.close()


def mark(number: int) -> bytes:
    return b'{"mark":"mk-%010d-"}' % number


def post(connection: HTTPConnection, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_the_last_is_the_last_with_a_mark_and_not_what_else_a_client_sends(
    server: SinkServer, connection: HTTPConnection
) -> None:
    post(connection, "/", mark(1))
    when = server.last()
    post(connection, "/", b"a report of the client's own")
    assert server.last() == when > 0


def test_every_mark_is_counted_as_often_as_it_came(
    server: SinkServer, connection: HTTPConnection
) -> None:
    for number in (1, 2, 2):
        post(connection, "/", mark(number))
    assert server.counts() == Counter({1: 1, 2: 2})
    assert server.requests() == Counter({"/": 3})


def test_one_connection_carries_many_requests_of_every_kind(
    server: SinkServer, connection: HTTPConnection
) -> None:
    post(connection, "/", gzip.compress(mark(1)), **{"Content-Encoding": "gzip"})
    once = connection.sock
    body = iter([mark(2)[:7], mark(2)[7:]])
    connection.request(
        "POST", "/", body, encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    connection.getresponse().read()
    assert connection.sock is once
    assert server.counts() == Counter({1: 1, 2: 1})


def test_requests_that_come_together_are_answered_one_by_one(server: SinkServer) -> None:
    host, port = urlsplit(server.url).netloc.split(":")
    one = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(mark(5)) + mark(5)
    last = one.replace(b"\r\nContent", b"\r\nConnection: close\r\nContent", 1)
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(one + last)
        answers = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert server.counts() == Counter({5: 2})


def test_what_trails_a_chunked_body_belongs_to_it(server: SinkServer) -> None:
    host, port = urlsplit(server.url).netloc.split(":")
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"%x\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(mark(8)), mark(8))
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        for _ in range(2):
            connection.sendall(head + body)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
    assert server.counts() == Counter({8: 2})


def test_a_client_that_asks_whether_to_go_on_is_told_to(server: SinkServer) -> None:
    host, port = urlsplit(server.url).netloc.split(":")
    head = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(mark(6))
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(head)
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(mark(6))
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("path", "body"),
    [("/batch/", b'{"status":1}'), ("/v1/batch", b'{"success":true}'), ("/v1/logs", b"")],
)
def test_each_client_hears_what_it_believes(
    connection: HTTPConnection, path: str, body: bytes
) -> None:
    assert post(connection, path, mark(1)) == (200, body)


def test_the_last_arrival_is_told_by_the_clock_of_the_one_who_asks(
    server: SinkServer, connection: HTTPConnection
) -> None:
    before = monotonic()
    post(connection, "/", mark(1))
    assert before <= server.last() <= monotonic()


def test_what_it_cannot_do_is_told_to_the_one_who_asks(server: SinkServer) -> None:
    with pytest.raises(RuntimeError, match="could not misbehave"):
        server.misbehave("like nobody has thought of")
