"""A connection on which no request is ever complete costs little and ends."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_run_service.process import protocol
from telemetry_run_service.process.listening import listen
from telemetry_run_service.process.server import build_server
from telemetry_run_service.settings.settings import ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer every request."""
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{event}"
            await send({"type": f"lifespan.{event}.complete"})
        return
    size = scope["path"][1:]
    body = b"x" * int(size) if size.isdecimal() else b"ok"
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Return where a server of ours answers, in a thread of the test."""
    ready = threading.Event()
    (listening,) = listen("127.0.0.1", 0)
    found = listening.getsockname()
    server = build_server(
        app, ServiceSettings(db_path="unused"), on_ready=ready.set, on_stop=lambda: None
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    assert ready.wait(60)
    yield found
    server.should_exit = True
    thread.join(60)


def spoken(address: tuple[str, int], sent: bytes) -> bytes:
    """Send this and return all that is answered until the connection ends."""
    with socket.create_connection(address, timeout=60) as spoken:
        spoken.sendall(sent)
        return spoken.makefile("rb").read()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200_000,
        b"GET / HTTP/1.1\r\na: " + b"b" * 1_000_000,
        b"GET /" + b"a" * 1_000_000,
    ],
    ids=["many headers", "a long one", "a long path"],
)
def test_a_head_without_end_is_refused(head: bytes, address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=60) as connection:
        assert _answer_while_sending(connection, head) in {b"HTTP/1.1 431", b""}


def _answer_while_sending(connection: socket.socket, sent: bytes) -> bytes:
    """Return the beginning of the answer, nothing where the connection was torn before it."""
    try:
        for start in range(0, len(sent), 10_000):
            connection.sendall(sent[start : start + 10_000])
        return connection.recv(12)
    except ConnectionError:
        return b""


def test_a_head_that_is_long_but_ends_is_answered(address: tuple[str, int]) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\na: " + b"b" * 60_000 + b"\r\n\r\n"
    assert spoken(address, head).endswith(b"ok")


def test_what_is_no_http_is_refused(address: tuple[str, int]) -> None:
    assert spoken(address, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_who_never_ends_a_head_is_let_go(
    sent: bytes, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    assert spoken(address, sent) == b""


def test_who_has_asked_once_may_take_the_usual_time(address: tuple[str, int]) -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(address, timeout=60) as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"ok"):
                answer += connection.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200 ")


def test_head_and_body_of_an_answer_come_together(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=60) as asking:
        asking.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert asking.recv(65_536).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("size", [65_536, 5_000_000])
def test_a_large_answer_comes_whole(address: tuple[str, int], size: int) -> None:
    asked = f"GET /{size} HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert spoken(address, asked.encode()).endswith(b"\r\n\r\n" + b"x" * size)
