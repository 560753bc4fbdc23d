"""A fake ingestion server in the time of a test, and a client that signs what it sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from attrs import define
from pytest_telemetry import FakeClock, IngestServer

from tests.ingest_cases import signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.servers.ingest.credentials import Credentials


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(clock: FakeClock) -> IngestServer:
    return IngestServer(clock)


@pytest.fixture(scope="session")
def plain() -> Iterator[httpx.Client]:
    """Return a client for many tests: making one takes longer than a case."""
    with httpx.Client() as client:
        yield client


@define
class Sender:
    """Sends events by credentials, those of the document unless told otherwise."""

    http: httpx.Client
    server: IngestServer
    clock: FakeClock

    def send(self, *events: Any, **how: Any) -> httpx.Response:
        """Send events, as `post` does."""
        return self.post(json.dumps({"events": events}).encode(), **how)

    def post(
        self,
        body: bytes,
        by: Credentials | None = None,
        nonce: str = "",
        path: str = "",
        without: str = "",
        **headers: str,
    ) -> httpx.Response:
        """Send a body, signed.

        :param path: where to, when not where the credentials belong.
        :param without: the header that it lacks.
        :param headers: in place of those that it would have, underscores being hyphens.
        """
        by = by or self.server.development
        now = str(self.clock.time_ns() // 1_000_000_000)
        told = {
            **signed(by.token, by.secret, body, now, nonce or str(uuid4())),
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        told.pop(without, None)
        url = f"{self.server.url}/v1/ingest/{path or f'{by.org}/{by.app}'}"
        return self.http.post(url, content=body, headers=told)


@pytest.fixture
def sender(server: IngestServer, plain: httpx.Client, clock: FakeClock) -> Iterator[Sender]:
    with server.mounted("https://ingest.test"):
        yield Sender(plain, server, clock)
