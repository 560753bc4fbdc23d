"""A fake ingestion server in the time of a test, and a client that signs what it sends."""

from __future__ import annotations

import hmac
import json
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attrs import define, field
from pytest_telemetry import FakeClock, IngestServer

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
    _numbers: count[int] = field(factory=lambda: count(1))

    def send(self, *events: Any, by: Credentials | None = None, **headers: str) -> httpx.Response:
        """Send events; headers replace those that it would send, underscores being hyphens."""
        return self.post(json.dumps({"events": events}).encode(), by=by, **headers)

    def post(self, body: bytes, by: Credentials | None = None, **headers: str) -> httpx.Response:
        by = by or self.server.development
        told = {name.replace("_", "-"): text for name, text in headers.items()}
        url = f"{self.server.url}/v1/ingest/{by.org}/{by.app}"
        return self.http.post(url, content=body, headers={**self.signed(body, by, told), **told})

    def signed(self, body: bytes, by: Credentials, told: dict[str, str]) -> dict[str, str]:
        """Return the headers of a good request with what is told in place of what would be."""
        now = told.get("x-timestamp", str(self.clock.time_ns() // 1_000_000_000))
        nonce = told.get("x-nonce", f"00000000-0000-4000-8000-{next(self._numbers):012x}")
        text = f"{now}:{nonce}:".encode() + body
        return {
            "authorization": f"Bearer {by.token}",
            "x-timestamp": now,
            "x-nonce": nonce,
            "x-signature": hmac.new(by.secret.encode(), text, "sha256").hexdigest(),
        }


@pytest.fixture
def sender(server: IngestServer, plain: httpx.Client, clock: FakeClock) -> Iterator[Sender]:
    with server.mounted("https://ingest.test"):
        yield Sender(plain, server, clock)


def event(number: int = 1, **data: Any) -> dict[str, Any]:
    return {
        "schema_version": "1.0.0",
        "event_id": f"00000000-0000-7000-8000-{number:012x}",
        "timestamp": "2026-01-01T12:00:00.123456789Z",
        "service": {"name": "crawler", "version": "1.0.0", "language": "python"},
        "user_id": "client_ada",
        "environment": {"os": "linux"},
        "event": {"type": "page_fetched", "data": data},
        "metadata": {
            "sdk_version": "by-hand/1.0.0",
            "transmission_timestamp": "2026-01-01T12:00:00Z",
            "batch_size": 1,
            "retry_count": 0,
        },
    }
