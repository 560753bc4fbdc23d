"""One connection to the sink server: HTTP/1.1 read and answered, a request after another."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sink_server.answers import Reply

    Head = tuple[str, str, dict[str, str]]
    Ask = Callable[[str, str, dict[str, str], bytes], Reply | None]
    Meet = Callable[[asyncio.Transport], bool]

_END_OF_HEAD = b"\r\n\r\n"
_LINE = b"\r\n"


class Connection(asyncio.Protocol):
    """Reads requests and has `ask` say what is answered; `None` means never.

    What `meet` takes for itself is not even read.
    """

    def __init__(self, ask: Ask, meet: Meet, open_ones: set[Connection]) -> None:
        self._ask = ask
        self._meet = meet
        self._open_ones = open_ones
        self._received = bytearray()
        self._head: Head | None = None
        self._answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be among the open ones."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open_ones.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Be no longer among them."""
        self._open_ones.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete; one request at a time, however many are on the wire."""
        if not self._meet(self.transport):
            self._received += data
            self._go_on()

    def _go_on(self) -> None:
        while not self._answering:
            if self._head is None:
                self._head = self._take_head()
            if self._head is None:
                return
            body = self._take_body(self._head[2])
            if body is None:
                return
            head, self._head = self._head, None
            self._answer(*head, body)

    def _take_head(self) -> Head | None:
        end = self._received.find(_END_OF_HEAD)
        if end < 0:
            return None
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        del self._received[: end + len(_END_OF_HEAD)]
        method, path, _version = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return method, path, headers

    def _take_body(self, headers: dict[str, str]) -> bytes | None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._take_chunks()
        length = int(headers.get("content-length", 0))
        if len(self._received) < length:
            return None
        return self._take(length)

    def _take_chunks(self) -> bytes | None:
        """Return a chunked body once all of it is here."""
        body, at = bytearray(), 0
        while True:
            end = self._received.find(_LINE, at)
            if end < 0:
                return None
            size = int(self._received[at:end].partition(b";")[0], 16)
            if size == 0:
                return self._after_trailers(end, body)
            at = end + len(_LINE)
            if len(self._received) < at + size + len(_LINE):
                return None
            body += self._received[at : at + size]
            at += size + len(_LINE)

    def _after_trailers(self, end: int, body: bytearray) -> bytes | None:
        """Return the body once the empty line is here that ends it and what trails it."""
        empty = self._received.find(_END_OF_HEAD, end)
        if empty < 0:
            return None
        del self._received[: empty + len(_END_OF_HEAD)]
        return bytes(body)

    def _take(self, length: int) -> bytes:
        taken = bytes(self._received[:length])
        del self._received[:length]
        return taken

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self._answering = True
        reply = self._ask(method, path, headers, body)
        if reply is None:
            return
        if "close" in headers.get("connection", "").lower():
            reply.then_close = True
        if reply.after:
            asyncio.get_running_loop().call_later(reply.after, self._say_and_go_on, reply)
        else:
            self._say(reply)

    def _say_and_go_on(self, reply: Reply) -> None:
        self._say(reply)
        self._go_on()

    def _say(self, reply: Reply) -> None:
        words = _written(reply) if reply.raw is None else reply.raw
        if reply.pause:
            self._say_slowly(words, reply.pause)
            return
        if not self.transport.is_closing():
            self.transport.write(words)
            if reply.then_close:
                self.transport.close()
        self._answering = False

    def _say_slowly(self, words: bytes, pause: float) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(words[:1])
        if words:
            later = asyncio.get_running_loop().call_later
            later(pause, self._say_slowly, words[1:], pause)
        else:
            self._answering = False
            self._go_on()


def _written(reply: Reply) -> bytes:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = {"Content-Length": str(len(reply.body)), **reply.headers}
    if reply.then_close and reply.says_so:
        headers["Connection"] = "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} {phrase}\r\n{lines}\r\n".encode("latin-1") + reply.body
