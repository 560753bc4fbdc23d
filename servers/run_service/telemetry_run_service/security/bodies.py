"""How much may come at once: bodies too large are refused, compressed ones inflated within limits."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

from telemetry_run_service.answers.answer import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from telemetry_run_service.answers.answer import Answer

_DRAINED = 64 * 1024 * 1024  # bytes read only to be able to answer on the same connection
_DRAIN_SECONDS = 10
_INFLATED_AT_ONCE = 65_536  # compressed bytes; more of them are inflated beside the event loop
_GZIP = 16 + zlib.MAX_WBITS
_MOST_MEMBERS = 100  # each costs a copy of all that follows it
_BAD, _TOO_LARGE, _NOT_OURS = 400, 413, 415

Headers = list[tuple[bytes, bytes]]


class TooLargeError(Exception):
    """A body is larger than it may be, as it came or once inflated.

    :ivar ended: whether all of it was read.
    """

    def __init__(self, *, ended: bool) -> None:
        super().__init__()
        self.ended = ended


class BodyLimit:
    """Pure ASGI middleware: no route sees more than a body may have, nor one that is compressed.

    What is refused is read nevertheless, within reason, so that the connection lives on and the
    client sees the answer.

    :param most: bytes of a body, and of one that was inflated.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 400, 413 or 415."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        length = headers.get(b"content-length")
        coding = headers.get(b"content-encoding", b"").strip().lower() or b"identity"
        if length is not None and int(length) > self._most:
            # who waits to be told to go on is answered before anything is sent
            soon = int(length) <= _DRAINED and b"expect" not in headers
            response = self._too_large(drained=soon and await _drain(receive))
            await response(scope, receive, send)
        elif coding == b"identity" and (length is not None or _has_no_body(headers)):
            await self._app(scope, receive, send)  # the parser lets nothing more through
        elif coding not in {b"identity", b"gzip", b"x-gzip"}:
            drained = await _drain(receive)
            response = _refusal(_NOT_OURS, "Content-Encoding may be gzip", drained=drained)
            await response(scope, receive, send)
        else:
            await self._whole(scope, receive, send, zipped=coding != b"identity")

    async def _whole(self, scope: Scope, receive: Receive, send: Send, *, zipped: bool) -> None:
        """Read a body of unknown size, as it came or once inflated, then pass it on."""
        try:
            body = await _read(receive, self._most)
            if body is None:
                return  # the client has gone
            if zipped:
                body = await _inflated(body, self._most)
        except TooLargeError as error:
            response = self._too_large(drained=error.ended or await _drain(receive))
            await response(scope, receive, send)
        except (zlib.error, EOFError):
            response = _refusal(_BAD, "The body is not what Content-Encoding says: damaged gzip")
            await response(scope, receive, send)
        else:
            scope = {**scope, "headers": _headers_for(scope["headers"], len(body))}
            await self._app(scope, _replayed(body, receive), send)

    def _too_large(self, *, drained: bool) -> Answer:
        detail = f"Request body too large. Max {self._most} bytes."
        return _refusal(_TOO_LARGE, detail, drained=drained)


def _has_no_body(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" not in headers


async def _read(receive: Receive, most: int) -> bytes | None:
    """Return a whole body, or nothing when the client goes; raises `TooLargeError`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        ended = not message.get("more_body", False)
        if size > most:
            raise TooLargeError(ended=ended)
        parts.append(part)
        if ended:
            return b"".join(parts)


async def _drain(receive: Receive) -> bool:
    """Read what is left of a body; false when it does not end soon."""
    size = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while size <= _DRAINED:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return True
    except TimeoutError:
        pass  # who sends so slowly is not waited for
    return False


async def _inflated(body: bytes, most: int) -> bytes:
    if len(body) <= _INFLATED_AT_ONCE:
        return inflate(body, most)
    return await asyncio.to_thread(inflate, body, most)


def inflate(body: bytes, most: int) -> bytes:
    """Return what gzip packed, of one member or of several.

    Raises `TooLargeError` before more than `most` bytes are there, `zlib.error` or `EOFError` for
    what is no gzip or only a part of it.
    """
    parts: list[bytes] = []
    left = most
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP)
        part = member.decompress(body, left + 1)
        if len(part) > left:
            raise TooLargeError(ended=True)
        if not member.eof:
            raise EOFError
        parts.append(part)
        left -= len(part)
        body = member.unused_data.lstrip(b"\0")  # padding, which gzip allows
        if not body:
            return b"".join(parts)
    raise zlib.error("too many members")


def _headers_for(headers: Headers, size: int) -> Headers:
    gone = (b"content-encoding", b"content-length", b"transfer-encoding")
    kept = [(name, value) for name, value in headers if name not in gone]
    return [*kept, (b"content-length", str(size).encode())]


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body at once, and then what the client does."""
    message: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return message.pop() if message else await receive()

    return replay


def _refusal(status: int, detail: str, *, drained: bool = True) -> Answer:
    """Return an answer; the connection ends with it where a body is still on its way."""
    return problem(status, detail, () if drained else [(b"connection", b"close")])
