from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Self

import httpx
import pytest
import respx
import trustme

from telemetry_core.sending import http_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """Answers each request with the next bytes it was given; closes a connection where told."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._tls = tls
        self.answers: list[bytes | None] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.stays = False  # whatever it answered, on the same connection
        self.ended = threading.Event()
        self._taken: socket.socket | None = None
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listening.getsockname()[1]}/in"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        if self._taken is not None:
            with suppress(OSError):
                self._taken.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                plain = self._listening.accept()[0]
            except OSError:
                return
            self.connections += 1
            try:
                taken = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
                with closing(taken) as self._taken:
                    self._answer(taken)
            except OSError:
                plain.close()
            self.ended.set()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(10.0)
        while request := connection.recv(65536):
            while b"\r\n\r\nbody" not in request:
                if not (more := connection.recv(65536)):
                    return  # the client has gone
                request += more
            self.requests.append(request)
            answer = self.answers.pop(0) if self.answers else OK
            connection.sendall(answer or b"")
            if answer is not OK and not self.stays:
                return


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as server:
        yield server


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with http_client(proxies=False) as client:
        yield client


def ask(client: httpx.Client, server: Scripted) -> httpx.Response:
    return client.post(server.url, content=b"body")


def test_one_connection_serves_request_after_request(
    client: httpx.Client, server: Scripted
) -> None:
    assert [ask(client, server).text for _ in range(3)] == ["ok"] * 3
    assert server.connections == 1


@pytest.mark.parametrize("length", [b"", b"Content-Length: 13\r\n"])
def test_a_connection_that_the_server_closed_is_not_used_again(
    client: httpx.Client, server: Scripted, length: bytes
) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\n" + length + b"\r\nuntil the end"]
    assert ask(client, server).text == "until the end"
    server.ended.wait(10.0)
    assert ask(client, server).text == "ok"
    assert server.connections == 2


def test_chunks_are_put_together(client: httpx.Client, server: Scripted) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.answers = [head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"]
    assert ask(client, server).text == "abcde"


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_what_a_server_says_before_its_answer_is_passed_over(
    client: httpx.Client, server: Scripted, status: bytes
) -> None:
    server.stays = True
    server.answers = [b"HTTP/1.1 " + status + b"\r\nLink: </a>\r\n\r\n" + OK] * 2
    assert [ask(client, server).text for _ in range(3)] == ["ok"] * 3
    assert server.connections == 1


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray", b"\r\n"])
def test_what_comes_behind_an_answer_is_no_answer_to_the_next_request(
    client: httpx.Client, server: Scripted, more: bytes
) -> None:
    server.stays = True
    server.answers = [OK + more]
    assert [ask(client, server).text for _ in range(2)] == ["ok"] * 2
    assert server.connections == 2


def test_a_refusal_is_heard_before_all_was_sent(client: httpx.Client, server: Scripted) -> None:
    server.answers = [b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"]
    refused = client.post(server.url, content=b"body" + bytes(20_000_000))
    assert (refused.status_code, refused.text) == (413, "no")
    assert ask(client, server).text == "ok"


def test_a_body_without_a_length_is_sent_in_chunks(client: httpx.Client, server: Scripted) -> None:
    client.post(server.url, content=iter([b"\r\n\r\nbody"]))
    assert b"\r\n\r\n8\r\n\r\n\r\nbody" in server.requests[0]


def test_a_head_that_trickles_is_waited_for_no_longer_than_one_that_does_not_come(
    client: httpx.Client, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle(connection: socket.socket) -> None:
        for byte in OK.replace(b"Content", b"X-Slow: " + b"y" * 500 + b"\r\nContent"):
            connection.sendall(bytes([byte]))
            server.ended.wait(0.02)

    monkeypatch.setattr(server, "_answer", trickle)
    with pytest.raises(httpx.ReadTimeout):
        client.post(server.url, content=b"body", timeout=0.5)


def test_no_more_connections_are_in_use_than_it_was_told(server: Scripted) -> None:
    with http_client(proxies=False, connections=1) as client:
        with client.stream("POST", server.url, content=b"body") as first:
            with pytest.raises(httpx.PoolTimeout):
                client.post(server.url, content=b"body", timeout=0.05)
            first.read()
        assert ask(client, server).text == "ok"
    assert server.connections == 1


def test_a_request_that_failed_lets_another_one_be_made(server: Scripted) -> None:
    with http_client(proxies=False, connections=1) as client:
        for answer in (None, b"what is this\r\n\r\n"):
            server.answers = [answer]
            with pytest.raises(httpx.TransportError):
                ask(client, server)
        assert ask(client, server).text == "ok"


def test_a_connection_in_use_when_all_is_closed_is_closed_once_it_is_not(
    client: httpx.Client, server: Scripted
) -> None:
    with client.stream("POST", server.url, content=b"body") as answer:
        client.close()
        assert answer.read() == b"ok"
    assert server.ended.wait(10.0)


def test_a_forked_child_talks_through_no_connection_of_its_parent(
    client: httpx.Client, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client, server)
    monkeypatch.setattr("telemetry_core.carrying.os.getpid", lambda: -1)
    assert ask(client, server).text == "ok"
    assert server.connections == 2


def test_headers_may_be_of_any_bytes(client: httpx.Client, server: Scripted) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nX-Place: Z\xfcrich\r\nContent-Length: 0\r\n\r\n"]
    assert ask(client, server).headers["x-place"] == "Zürich"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\ntorn",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ntorn",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"what is this\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
        None,
    ],
)
def test_an_answer_that_is_none_is_an_error_of_the_network(
    client: httpx.Client, server: Scripted, answer: bytes | None
) -> None:
    server.answers = [answer]
    with pytest.raises(httpx.TransportError):
        client.post(server.url, content=b"body", timeout=2.0)
    assert ask(client, server).text == "ok"


def test_a_header_that_cannot_be_sent_is_not_sent(client: httpx.Client, server: Scripted) -> None:
    with pytest.raises(httpx.LocalProtocolError, match="header value"):
        client.post(server.url, content=b"body", headers={"X-Key": "two\nlines"})
    assert server.requests == []


def test_nobody_listening_is_a_connect_error(client: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(httpx.ConnectError):
        client.post(f"http://127.0.0.1:{port}/", content=b"body")


def test_a_mock_of_httpx_answers_in_its_place(client: httpx.Client) -> None:
    with respx.mock:
        respx.post("https://telemetry.test/in").respond(202)
        assert client.post("https://telemetry.test/in", content=b"body").status_code == 202


def test_a_proxy_of_the_environment_is_gone_through(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/in"))
    with http_client() as client:
        assert client.post("http://telemetry.test/in", content=b"body").text == "ok"
    assert server.requests[0].startswith(b"POST http://telemetry.test/in HTTP/1.1\r\n")


def test_over_tls_the_certificate_is_checked_each_time(tmp_path: Path) -> None:
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with Scripted(tls) as server:
        with http_client(proxies=False, trust_store=bundle) as trusting:
            assert [ask(trusting, server).text for _ in range(2)] == ["ok"] * 2
        with http_client(proxies=False) as doubting, pytest.raises(httpx.ConnectError):
            ask(doubting, server)
