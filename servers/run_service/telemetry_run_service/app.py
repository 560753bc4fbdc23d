"""The application: FastAPI describes the routes, and each request takes the shortest way to them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

from telemetry_core import __version__
from telemetry_run_service.answers.answer import Answer, encoded
from telemetry_run_service.logs.request_log import RequestLog
from telemetry_run_service.routes.dispatching import Dispatcher
from telemetry_run_service.routes.route import Access, Route
from telemetry_run_service.routes.table import routes_of
from telemetry_run_service.security.bodies import BodyLimit
from telemetry_run_service.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from telemetry_run_service.settings.settings import ServiceSettings

_BEARER = Security(HTTPBearer(auto_error=False))  # said in the description; the gate asks
_NO_TELEMETRY: dict[str, Any] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


def create_app(settings: ServiceSettings) -> FastAPI:
    """Return the application of one service; its lifespan opens the database and drains writes."""
    service = Service(settings)
    app = _RunService(service)
    app.state.service = service
    app.state.stopping = asyncio.Event()
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(
        RequestLog,
        share=settings.log_share,
        clock=settings.clock,
        stopping=app.state.stopping.is_set,
    )
    return app


class _RunService(FastAPI):
    """A FastAPI whose requests are answered by our dispatcher, within the middleware it was given."""

    def __init__(self, service: Service) -> None:
        self._service = service
        super().__init__(
            title="Telemetry run service",
            version=__version__,
            openapi_url=None,  # ours is below
            docs_url=None,  # these pages would load from elsewhere
            redoc_url=None,
            lifespan=self._running,
            telemetry=_NO_TELEMETRY,  # type: ignore[call-arg,arg-type,unused-ignore]
        )
        self._served = routes_of(service)
        self._described = False
        self._describing = asyncio.Lock()

    def build_middleware_stack(self) -> ASGIApp:
        """Return the way of a request: the middleware, then our dispatcher.

        FastAPI's own layers are left out: they cost more than an answer does, and raise once
        more what is answered already, which ends the connection.
        """
        description = Route(
            "GET", "/openapi.json", self._openapi_json, Access.OPEN, "Failed to describe"
        )
        app: ASGIApp = Dispatcher([*self._served, description], self._service.gate, self.router)
        for middleware, args, kwargs in reversed(self.user_middleware):
            app = middleware(app, *args, **kwargs)
        return app

    def openapi(self) -> dict[str, Any]:
        """Return the description; made at the first call, since most services are never asked."""
        if not self._described:
            self._described = True
            for route in self._served:
                self._describe(route)
        return super().openapi()

    @asynccontextmanager
    async def _running(self, _: FastAPI) -> AsyncIterator[None]:
        async with self._service.running():
            leaving = asyncio.create_task(self._leave_when_stopping())
            try:
                yield
            finally:
                leaving.cancel()

    async def _leave_when_stopping(self) -> None:
        """End the streams as soon as a stop begins: the server waits for them before it closes us."""
        await self.state.stopping.wait()
        await self._service.watch.close()

    async def _openapi_json(self, _: Request) -> Answer:
        async with self._describing:  # beside the loop: making it takes long enough to be felt
            return Answer(await asyncio.to_thread(lambda: encoded(self.openapi())))

    def _describe(self, route: Route) -> None:
        needs_token = route.access is not Access.OPEN
        self.add_api_route(
            route.path,
            route.endpoint,
            methods=[route.method],
            operation_id=getattr(route.endpoint, "__name__", None),
            dependencies=[_BEARER] if needs_token else None,
            **route.described,
        )
