"""Reads the answers of a server: whole, in time, and nothing of one as the next one."""

from __future__ import annotations

from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any

from telemetry_core.clock import SystemClock

if TYPE_CHECKING:
    import socket

_AT_ONCE = 65536


class _Wire(RawIOBase):
    """The bytes that a server sends, each piece of an answer within one time-out, however slowly.

    :ivar dry: nothing more is taken from the connection.
    """

    def __init__(self, sock: socket.socket, raw: RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        self._patience = sock.gettimeout()
        self.dry = False
        self.begin()

    def begin(self) -> None:
        """Begin to wait for the next piece."""
        self._until = SystemClock.monotonic() + (self._patience or 0.0)

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Take what is there; raises `TimeoutError` when the time is over."""
        if self.dry:
            return None
        if self._patience is not None:
            left = self._until - SystemClock.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the connection."""
        self._raw.close()
        super().close()


class _Reader(BufferedReader):
    """Reads an answer.

    :ivar last: the last line that was read; `left`: more came than the answer said it has.
    """

    raw: _Wire
    last = b""
    left = False

    def readline(self, size: int | None = -1) -> bytes:
        """Return the next line."""
        self.last = super().readline(size)
        return self.last

    def close(self) -> None:
        """See what is left, and close."""
        if not self.closed:
            self.raw.dry = True
            self.left = bool(self.peek(1))
        super().close()


class Answer(HTTPResponse):
    """An answer whose head came whole; the standard library alone takes a torn one for an end.

    Nor does it pass over what a server says before its answer, as 103, and would take that for it.
    """

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.reader = self.fp = _Reader(_Wire(sock, self.fp.detach()))

    def begin(self) -> None:
        """Read the head."""
        while self.headers is None:
            super().begin()
            if self.reader.last not in {b"\r\n", b"\n"}:
                raise RemoteDisconnected("the answer ended in its head")
            if self.status < HTTPStatus.OK:
                self._pass_over()
        if self.length is None and not self.chunked and self.headers["content-length"]:
            raise HTTPException("the answer does not say in a number how long it is")

    def read_on(self) -> bytes:
        """Return what came meanwhile of the body; nothing at its end."""
        self.reader.raw.begin()
        return self.read1(_AT_ONCE)

    def _pass_over(self) -> None:
        if self.status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise HTTPException("the server changes to a protocol that nobody asked for")
        self.headers = self.msg = None  # type: ignore[assignment]
