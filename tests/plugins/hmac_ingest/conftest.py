"""A server that answers what a test says, on a port of this machine, and sinks that send to it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry import FakeClock, FakeServer, Request, Response, Story
from telemetry_hmac_ingest import HmacIngestSink, verify

from telemetry_core import Batch, Receipt, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ORG, APP = "550e8400-e29b-41d4-a716-446655440000", "7c9e6679-7425-40de-944b-e07fc1f90ae7"
TOKEN = "tk_550e8400e29b41d4a716446655440000_hunter2"
SECRET = "9f4b3c2a-hunter2-clé"


class Ship(Protocol):
    def __call__(self, *records: Record, within: float = 30.0) -> Receipt: ...


class Sinks(Protocol):
    def __call__(self, **settings: Any) -> HmacIngestSink: ...


class ScriptedServer(FakeServer):
    """Answers what stands in `answers`, one after the other, then that all events were taken.

    :ivar taken: the events it took.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Response | Callable[[list[dict[str, Any]]], Response]] = []
        self.taken: list[dict[str, Any]] = []

    def handle(self, request: Request) -> Response:
        if request.method == "GET":
            return Response.json({"status": "healthy", "version": "0.1.0"})
        events = request.json()["events"]
        if self.answers:
            answer = self.answers.pop(0)
            return answer if isinstance(answer, Response) else answer(events)
        self.taken += events
        return success(len(events))

    def says(self, *answers: Response | Callable[[list[dict[str, Any]]], Response]) -> None:
        self.answers += answers

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content()) for request in self.requests if request.body]

    @property
    def nonces(self) -> set[str]:
        return {request.headers["x-nonce"] for request in self.requests}


def success(accepted: int) -> Response:
    return Response.json(
        {"status": "success", "accepted": accepted, "rejected": 0, "message": "taken"}
    )


def flat(status: int, code: str, message: str = "", **more: Any) -> Response:
    return Response.json({"error": code, "message": message, **more}, status)


def nested(status: int, code: str, message: str = "", **more: Any) -> Response:
    return Response.json({"error": {"code": code, "message": message}, **more}, status)


def dated(answer: Response, seconds: float) -> Response:
    """Return an answer of a server whose clock says so many seconds since 1970."""
    return Response(
        answer.status, {**answer.headers, "date": formatdate(seconds, usegmt=True)}, answer.body
    )


def error_of(event: dict[str, Any], code: str, message: str = "why") -> dict[str, str]:
    return {"event_id": event["event_id"], "error": code, "message": message}


def is_well_signed(request: Request, secret: str = SECRET) -> bool:
    signature, timestamp, nonce = (
        request.headers[f"x-{name}"] for name in ("signature", "timestamp", "nonce")
    )
    return verify(signature, secret, timestamp, nonce, request.body)


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    with server.serving():
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sink_for(server: ScriptedServer, clock: FakeClock, tmp_path: Path) -> Iterator[Sinks]:
    """Return what makes a sink for the server; each is closed at the end."""
    with ExitStack() as ends:

        def make(**settings: Any) -> HmacIngestSink:
            ours = {
                "endpoint": server.url,
                "org_id": ORG,
                "app_id": APP,
                "secret": SECRET,
                "token": TOKEN,
                "clock": clock,
                "state_dir": tmp_path,
                "service": "crawler",
            }
            sink = HmacIngestSink(**{**ours, **settings})
            ends.callback(sink.close)
            return sink

        yield make


def shipping(sink: HmacIngestSink) -> Ship:
    def ship(*records: Record, within: float = 30.0) -> Receipt:
        return sink.ship_batch(Batch(records, deadline=sink.clock.monotonic() + within))

    return ship


@pytest.fixture
def ship(sink_for: Sinks) -> Ship:
    return shipping(sink_for())
