"""The fake RAXE on a port of this machine, answers by hand, and shippers that send to either."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry import RaxeServer
from pytest_telemetry.servers.messages import Response
from telemetry_raxe.credentials import Credentials
from telemetry_raxe.telemetry_shipper import TelemetryShipper, TelemetryShipperConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry import FakeClock
    from pytest_telemetry.servers.messages import Request

SCAN = {"prompt_hash": f"sha256:{'a' * 64}", "threat_detected": False, "scan_duration_ms": 3}


class Shippers(Protocol):
    def __call__(self, situation: str = "ok", **settings: Any) -> TelemetryShipper: ...


class AnyAnswer(RaxeServer):
    """A RAXE that answers events with whatever a test wants; health as ever."""

    answer: Response | None = None

    def handle(self, request: Request) -> Response:
        if self.answer is not None and request.path == "/v1/telemetry":
            return self.answer
        return super().handle(request)

    def say(self, body: Any, status: int = 200, **headers: str) -> None:
        """Answer with this from now on: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.answer = Response(status, named, content)

    @property
    def posts(self) -> int:
        return sum(request.method == "POST" for request in self.requests)


@pytest.fixture
def server(clock: FakeClock) -> Iterator[AnyAnswer]:
    server = AnyAnswer(clock)
    server.accounts[server.keys["ok"]].requests_per_minute = 10_000
    with server.serving():
        yield server


def credentials_of(key: str, **fields: Any) -> Credentials:
    ours: dict[str, Any] = {
        "key_type": "live",
        "installation_id": "inst_0123456789abcdef",
        "created_at": "2026-01-01T00:00:00Z",
        "expires_at": None,
        "first_seen_at": None,
        "tier": "community",
    }
    return Credentials(key, **{**ours, **fields})


@pytest.fixture
def shipper_for(server: AnyAnswer, clock: FakeClock) -> Iterator[Shippers]:
    """Return what makes a shipper with the key of a situation; each is closed at the end."""
    with ExitStack() as ends:

        def make(situation: str = "ok", **settings: Any) -> TelemetryShipper:
            objects = {name: settings.pop(name) for name in ("queue", "store") if name in settings}
            config = TelemetryShipperConfig(endpoint=f"{server.url}/v1/telemetry", **settings)
            credentials = credentials_of(server.keys[situation])
            shipper = TelemetryShipper(config, credentials, clock=clock, **objects)
            ends.callback(shipper.close)
            return shipper

        yield make


@pytest.fixture
def shipper(shipper_for: Shippers) -> TelemetryShipper:
    return shipper_for(max_retries=0)


def scan(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"event_id": f"evt_{number:016x}", "event_type": "scan", "payload": SCAN, **fields}


def body_of(server: RaxeServer) -> dict[str, Any]:
    """Return what the latest request with events said."""
    request = next(one for one in reversed(server.requests) if one.method == "POST")
    body: dict[str, Any] = json.loads(request.content())
    return body
