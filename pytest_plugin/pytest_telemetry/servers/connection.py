"""One connection of HTTP/1.1: reads requests as they come and answers each before the next."""

from __future__ import annotations

import re
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedReader
from typing import TYPE_CHECKING, Any, cast

from pytest_telemetry.servers.exchange import UnansweredError
from pytest_telemetry.servers.messages import LARGEST_BODY, Request, Response

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from io import RawIOBase
    from typing import TypeAlias

    Respond: TypeAlias = Callable[[Request, Callable[[], bool]], Response]

_PIECE = 65_536
_LONGEST_LINE = 65_536
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?\r?\n")


class _MalformedError(Exception):
    """The bytes are no request; what follows them cannot be understood either."""


class _Stream(BufferedReader):
    """Raises `EOFError` for what ends too early, which http.server takes for whole."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise EOFError
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if len(piece) != size:
            raise EOFError
        return piece


class Connection(BaseHTTPRequestHandler):
    """Serves one client; ends when it goes, says so, or speaks no HTTP."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 0

    def __init__(
        self, connection: socket.socket, respond: Respond, ended: Callable[[], bool]
    ) -> None:
        self._respond = respond
        self._ended = ended
        super().__init__(connection, connection.getsockname(), None)  # type: ignore[arg-type]

    def setup(self) -> None:
        """Read through a stream that knows half a request from a whole one."""
        super().setup()
        self.rfile = _Stream(cast("RawIOBase", self.rfile))

    def handle(self) -> None:
        """Serve one request after the other until the client has no more."""
        with suppress(EOFError):
            super().handle()

    def __getattr__(self, name: str) -> Any:
        """Take every method: which ones there are is a matter of the protocol."""
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def _exchange(self) -> None:
        try:
            request = Request(self.command, self.path, self._headers(), self._body())
            response = self._respond(request, self._ended)
        except UnansweredError:
            self.close_connection = True
        except _MalformedError as problem:
            self.send_error(HTTPStatus.BAD_REQUEST, str(problem))
            self.close_connection = True
        else:
            self._send(response, response.body_for(request))

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name, text in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        return headers

    def _body(self) -> bytes:
        """Return the body, cut off when it is too large."""
        lengths = set(self.headers.get_all("content-length", []))
        coding = self.headers.get("transfer-encoding")
        if coding is not None:
            if lengths or coding.strip().lower() != "chunked":
                raise _MalformedError(
                    "a body has a content-length or is chunked, not both, and nothing else"
                )
            return self._chunks()
        if not lengths:
            return b""
        length = lengths.pop()
        if lengths or not re.fullmatch(r"[0-9]{1,15}", length):
            raise _MalformedError("the content-length is no number")
        return self._read(int(length))

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            body += self._read(size)[: LARGEST_BODY + 1 - len(body)]
            if self._line().strip():
                raise _MalformedError("a chunk is longer than it says")
        while self._line().strip():  # trailers
            pass
        return bytes(body)

    def _chunk_size(self) -> int:
        found = _CHUNK_SIZE.fullmatch(self._line())
        if found is None:
            raise _MalformedError("a chunk has no size")
        return int(found[1], 16)

    def _line(self) -> bytes:
        return self.rfile.readline(_LONGEST_LINE)

    def _read(self, length: int) -> bytes:
        """Return so many bytes; of too many only the beginning, one more than is allowed."""
        kept = self.rfile.read(min(length, LARGEST_BODY + 1))
        for left in range(length - len(kept), 0, -_PIECE):
            self.rfile.read(min(left, _PIECE))
        return kept

    def _send(self, response: Response, body: bytes) -> None:
        """Write the whole answer at once."""
        headers = {**response.headers, "content-length": str(len(body))}
        if self.close_connection:
            headers["connection"] = "close"
        phrase = self.responses.get(response.status, ("",))[0]
        lines = [f"HTTP/1.1 {response.status} {phrase}"]
        lines += [f"{name}: {text}" for name, text in headers.items()]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: who wants to know looks at `requests`."""
