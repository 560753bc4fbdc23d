"""Streams the runs that are new or have changed, as they come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the signatures
from starlette.responses import Response

from telemetry_run_service.answers.answer import knows_us
from telemetry_run_service.requests.filters import filter_of, matcher
from telemetry_run_service.requests.models import RunFilters
from telemetry_run_service.routes.route import Access, Route, answers

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from telemetry_run_service.service import Service
    from telemetry_run_service.storage.watching import Listener

_STREAM = {
    "description": "Server-sent events: `event: run`, `id`, and a record as `data`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


class Streaming:
    """The route that streams runs."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Return it."""
        streamed = answers(None, 200, 400, 401, 429, 503)
        streamed["responses"][200] = _STREAM
        return [
            Route(
                "GET",
                "/api/v1/stream",
                self.stream_runs,
                Access.READ,
                "Failed to open stream",
                query=RunFilters,
                described={**streamed, "response_class": Response},
            ),
        ]

    async def stream_runs(
        self, request: Request, asked: Annotated[RunFilters, Query()]
    ) -> Response:
        """Send each run that is new or has changed, until one of both ends it.

        `Last-Event-ID` brings what was missed meanwhile, as far as it is remembered.
        """
        wanted = matcher(filter_of(asked))
        last_id = request.headers.get("last-event-id")
        listener = await self._service.watch.listen(wanted, last_id, whole=knows_us(request.scope))
        return _Stream(listener)


class _Stream(Response):
    """A response that goes on until the listener or its client is gone."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
            media_type="text/event-stream",
        )
        del self.headers["content-length"]
        self._listener = listener

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send what the listener is told."""
        watching = asyncio.create_task(self._leave_with_the_client(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for text in self._listener.texts():
                await send({"type": "http.response.body", "body": text, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            watching.cancel()
            self._listener.leave()

    async def _leave_with_the_client(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.leave()
