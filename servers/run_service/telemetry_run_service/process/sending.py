"""Sends the head of an answer and its body at once: a system call and a packet less for each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

_SMALL = 65_536  # bytes; to copy more than that costs more than it saves


class HeadWithBody:
    """A transport that keeps what is written for the next write, or for the end of this moment."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept = b""
        self._sending: asyncio.Handle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send what was kept together with this, or keep this for now."""
        if not self._kept and len(data) < _SMALL:
            self._kept = data
            self._sending = self._loop.call_soon(self._send)
        elif len(data) < _SMALL:
            self._send(data)
        else:
            self._send()
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once all of it is sent."""
        self._send()
        self._transport.close()

    def _send(self, more: bytes = b"") -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        data, self._kept = self._kept + more, b""
        if data:
            self._transport.write(data)
