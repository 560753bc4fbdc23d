"""The HTTP protocol of uvicorn, with the two bounds that it lacks: how much head, and how slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from telemetry_run_service.process.sending import HeadWithBody

if TYPE_CHECKING:
    import asyncio

MOST_HEAD = 65_536  # bytes of a request's line and headers
HEAD_SECONDS = 30.0  # from connecting, or from the first byte, to the end of the headers

_TOO_MUCH = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: application/json\r\ncontent-length: 38\r\nconnection: close\r\n\r\n"
    b'{"detail":"Request headers too large"}'
)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Whoever never ends a head would otherwise be given memory and a place."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = False
        self._began = False
        self._head = 0
        self._alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, but not for ever."""
        super().connection_made(HeadWithBody(transport, self.loop))  # type: ignore[arg-type]
        self._set_alarm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_alarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse a head that does not end."""
        self._began = False
        super().data_received(data)
        # other requests may have come with the beginning of this one, and may be long together
        counts = self._in_head and not self._began
        self._head = self._head + len(data) if counts else 0
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_MUCH)
            self.transport.close()
        elif self._in_head and self._alarm is None:
            self._set_alarm()  # not sooner: most heads come whole

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what was asked in full by who says that nothing more will come, then close.

        What does not end by itself has begun to answer: who listens to it and goes is gone.
        """
        asked = self.cycle  # the last one, if several wait
        if asked is None or asked.more_body or asked.response_started:
            return False
        asked.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = self._began = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer a request, whose body may still be on its way."""
        self._in_head = False
        self._stop_alarm()
        super().on_headers_complete()

    def _set_alarm(self) -> None:
        self._alarm = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _too_late(self) -> None:
        self._alarm = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
