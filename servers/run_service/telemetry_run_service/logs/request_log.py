"""The outermost layer: names each request, answers what broke, and has its line written."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from typing import TYPE_CHECKING, Any

from telemetry_core import SystemClock, __version__
from telemetry_run_service.answers.answer import problem
from telemetry_run_service.logs.log import LONGEST_TEXT, REQUEST, log_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from telemetry_core import Clock

SERVICE = f"telemetry-run-service/{__version__}"
_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_CLIENT_LEFT = 499  # as nginx calls it: nobody waited for the answer


class RequestLog:
    """Pure ASGI middleware: `X-Request-ID` and `X-Telemetry-Service` on every answer, a line each.

    An exception that no route caught is answered as JSON, so that the connection lives on, and
    its traceback is a part of the line. An answer that had begun by then is torn by the server.

    :param share: how many of the requests that went well are written, from 0 to 1; every one
        that failed is.
    :param stopping: tells whether the service ends; then a request that the server waits for no
        more is answered 503.
    """

    def __init__(
        self,
        app: ASGIApp,
        share: float = 1.0,
        clock: Clock | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._app = app
        self._share = share
        self._due = 0.0
        self._clock = clock or SystemClock()
        self._stopping = stopping
        self._seed = os.urandom(6).hex()
        self._counter = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; everything else is passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, self._id_of(scope))
        began = self._clock.monotonic()
        facts: dict[str, Any] = {
            "request_id": answer.request_id.decode(),
            "method": scope["method"],
            "path": scope["path"][:LONGEST_TEXT],
            "client": (scope.get("client") or ("",))[0],
        }
        token = REQUEST.set(facts)
        try:
            broken = await self._answered(scope, receive, answer)
        finally:
            REQUEST.reset(token)
        facts["status"] = answer.status or _CLIENT_LEFT
        facts["duration_ms"] = round((self._clock.monotonic() - began) * 1000, 2)
        self._write(facts, broken)

    async def _answered(self, scope: Scope, receive: Receive, answer: _Answer) -> Exception | None:
        """Have a request answered, whatever happens, and return what broke."""
        try:
            await self._app(scope, receive, answer)
        except Exception as error:
            if not answer.status:
                await problem(_SERVER_ERROR, "Internal Server Error")(scope, receive, answer)
            return error
        except asyncio.CancelledError:
            if not self._stopping():
                raise
            if not answer.status:
                await problem(_UNAVAILABLE, "The service is stopping")(scope, receive, answer)
        return None

    def _id_of(self, scope: Scope) -> bytes:
        """Return the id that came with the request if it may stand in a header, else a new one."""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ID.fullmatch(value):
                return bytes(value)
        return f"{self._seed}-{next(self._counter):x}".encode()

    def _write(self, facts: dict[str, Any], broken: Exception | None) -> None:
        if broken is not None or facts["status"] >= _SERVER_ERROR or self._is_due():
            log_request(f"{facts['method']} {facts['path']} {facts['status']}", facts, broken)

    def _is_due(self) -> bool:
        """Tell whether one more line is in its share, evenly among the requests."""
        self._due += self._share
        if self._due < 1:
            return False
        self._due -= 1
        return True


class _Answer:
    """Passes an answer on with our headers, and remembers its status."""

    __slots__ = ("_send", "request_id", "status")

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            ours = [
                (b"x-request-id", self.request_id),
                (b"x-telemetry-service", SERVICE.encode()),
            ]
            message = {**message, "headers": [*message.get("headers", ()), *ours]}
        await self._send(message)
