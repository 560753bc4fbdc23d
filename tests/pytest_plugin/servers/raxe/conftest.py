"""A fake RAXE in the time of a test, and a client that asks it with any key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
from pytest_telemetry import FakeClock, RaxeServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(clock: FakeClock) -> RaxeServer:
    return RaxeServer(clock)


@pytest.fixture(scope="session")
def plain() -> Iterator[httpx.Client]:
    """Return a client for many tests: making one takes longer than a case."""
    with httpx.Client() as client:
        yield client


class Asker(NamedTuple):
    """Asks with a key, that of a situation or any other."""

    http: httpx.Client
    server: RaxeServer

    def send(self, key: str, *events: Any, path: str = "/v1/telemetry", **more: Any) -> Any:
        return self._ask("POST", path, key, json=enveloped(*events, **more))

    def health(self, key: str) -> Any:
        return self._ask("GET", "/v1/health", key)

    def _ask(self, method: str, path: str, key: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.server.keys.get(key, key)}"}
        return self.http.request(method, f"{self.server.url}{path}", headers=headers, **options)


@pytest.fixture
def ask(server: RaxeServer, plain: httpx.Client) -> Iterator[Asker]:
    with server.mounted("https://api.raxe.test"):
        yield Asker(plain, server)


def heartbeat(number: int = 1, **payload: Any) -> dict[str, Any]:
    return {
        "event_id": f"evt_{number:016x}",
        "event_type": "heartbeat",
        "priority": "standard",
        "timestamp": "2026-01-01T12:00:00.000000+00:00",
        "payload": {"uptime_seconds": 60, "scans_since_last_heartbeat": 2, **payload},
    }


def enveloped(*events: Any, **more: Any) -> dict[str, Any]:
    return {
        "batch_id": f"batch_{0:032x}",
        "schema_version": "0.0.1",
        "client_version": "0.15.0",
        "installation_id": "inst_0123456789abcdef",
        "sent_at": "2026-01-01T12:00:00.000000+00:00",
        "event_count": len(events),
        "events": events,
        **more,
    }
