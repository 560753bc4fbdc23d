"""A service within the test's process, asked without a socket, and runs to tell it of."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any, Self

import httpx
from telemetry_run_service.app import create_app
from telemetry_run_service.settings.settings import ServiceSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from pathlib import Path

RUNS = "/api/v1/runs"
START = "2026-01-31T09:30:00.000000+00:00"


def run(event_id: str = "e1", **fields: Any) -> dict[str, Any]:
    """Return a run as a client sends it."""
    return {
        "event_id": event_id,
        "run_id": f"run-{event_id}",
        "start_time": START,
        "agent_name": "crawler",
        "job_type": "nightly",
        **fields,
    }


class Asked:
    """A service with an event loop in a thread of its own; each method waits for the answer."""

    def __init__(self, database: Path, **settings: Any) -> None:
        self.database = database
        self.app = create_app(ServiceSettings(db_path=str(database), **settings))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._running = self._alive()
        self._client: httpx.AsyncClient

    def __enter__(self) -> Self:
        self._thread.start()
        self._client = self.wait(self._running.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.wait(self._running.__aexit__(None, None, None))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine returns on the service's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Return the answer to a request."""
        answer: httpx.Response = self.wait(self._client.request(method, path, **more))
        return answer

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Return the answer to a GET."""
        return self.ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """Return the answer to a POST."""
        return self.ask("POST", path, **more)

    def patch(self, path: str, **more: Any) -> httpx.Response:
        """Return the answer to a PATCH."""
        return self.ask("PATCH", path, **more)

    def stored(self, event_id: str = "e1") -> dict[str, Any]:
        """Return a run as the service tells of it."""
        found: dict[str, Any] = self.get(f"{RUNS}/{event_id}").json()
        return found

    def together(self, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """Return the answers to requests that are made at once."""

        async def all_of_them() -> list[httpx.Response]:
            asked = (self._client.request(method, path, **more) for method, path, more in requests)
            return await asyncio.gather(*asked)

        answers: list[httpx.Response] = self.wait(all_of_them())
        return answers

    @asynccontextmanager
    async def _alive(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app)
        async with (
            self.app.router.lifespan_context(self.app),
            httpx.AsyncClient(
                transport=transport, base_url="http://service.test", timeout=60
            ) as client,
        ):
            yield client


@contextmanager
def locked(database: Path, how: str = "EXCLUSIVE") -> Iterator[None]:
    """Keep a database locked, as a backup of another program would."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        yield
        other.execute("ROLLBACK")
