"""One raw connection to the service: what is sent is what the test says, byte by byte."""

from __future__ import annotations

import json
import select
import socket
from typing import TYPE_CHECKING, Any, Self

from attrs import define

from tests.servers.run_service.wire.serving import HERE, PATIENCE

if TYPE_CHECKING:
    from types import TracebackType

END = b"\r\n\r\n"


@define(frozen=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the document, which every answer has to be."""
        assert self.headers["content-type"] == "application/json", (self.headers, self.body)
        return json.loads(self.body)


class Line:
    """A connection for as long as the block lasts."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HERE, port), PATIENCE)
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection as a program does that is killed."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()

    def ask(self, data: bytes) -> Answer:
        """Send a request and read its answer."""
        self.send(data)
        return self.read()

    def read(self) -> Answer:
        """Read one answer; what comes behind it is kept for the next."""
        head = self._until(END)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        status = int(first.split()[1])
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, self._chunks())
        size = int(headers.get("content-length", 0))
        return Answer(status, headers, self._exactly(size))

    def has_answer(self) -> bool:
        """Return whether something came that was not read yet."""
        return bool(self._unread or select.select([self._socket], [], [], 0)[0])

    def is_closed(self) -> bool:
        """Return whether the other side ends here, and sends nothing before."""
        try:
            return not self._unread and not self._socket.recv(1)
        except ConnectionError:
            return True

    def _until(self, end: bytes) -> bytes:
        while end not in self._unread:
            self._more()
        data, _, self._unread = self._unread.partition(end)
        return data

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._more()
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._exactly(size)
            self._until(b"\r\n")
        self._until(b"\r\n")
        return body

    def _more(self) -> None:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError(f"it ended after {self._unread!r}")
        self._unread += data


def request(method: str, path: str, body: bytes | None = None, *headers: str) -> bytes:
    """Write a request down; a body has its length and says that it is JSON unless told otherwise."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
    names = {line.split(":")[0].lower() for line in headers}
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    if body is not None and "content-type" not in names:
        lines.append("Content-Type: application/json")
    return "\r\n".join(lines).encode("latin-1") + END + (body or b"")


def chunked(data: bytes, size: int = 7) -> bytes:
    """Write a body down in pieces of this size."""
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
