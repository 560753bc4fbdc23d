"""Google Sheets as a fake, a receiver of JSON in the place of a web app, and sinks that send to them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry import FakeClock, HttpServer, Response, SheetsServer, Story
from telemetry_sheets import SheetsSink

from telemetry_core import Batch, Receipt, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_telemetry import Request

TOKEN = "hunter2-token"


class WebAppServer(HttpServer):
    """Takes what it is posted and answers as it is told to."""

    answer = Response.json({"ok": True})

    def handle(self, request: Request) -> Response:
        if request.method != "GET":
            super().handle(request)
        return self.answer


class Ship(Protocol):
    def __call__(self, *records: Record, within: float = 30.0) -> Receipt: ...


class Sinks(Protocol):
    def __call__(self, **settings: Any) -> SheetsSink: ...


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def web_app() -> Iterator[WebAppServer]:
    server = WebAppServer()
    with server.serving():
        yield server


@pytest.fixture
def sinks(clock: FakeClock) -> Iterator[Sinks]:
    """Return what makes a sink; each is closed at the end."""
    with ExitStack() as ends:

        def make(**settings: Any) -> SheetsSink:
            sink = SheetsSink(**{"clock": clock, **settings})
            ends.callback(sink.close)
            return sink

        yield make


@pytest.fixture
def google(clock: FakeClock) -> Iterator[SheetsServer]:
    server = SheetsServer(clock)
    with server.serving():
        yield server


@pytest.fixture
def key(google: SheetsServer, tmp_path: Path) -> str:
    """The key file of a service account with which the spreadsheet is shared."""
    return google.service_account(tmp_path / "account.json").read_text(encoding="utf-8")


@pytest.fixture
def tabs(google: SheetsServer, key: str, sinks: Sinks) -> Sinks:
    """Return what makes a sink for the spreadsheet of the fake."""

    def make(**settings: Any) -> SheetsSink:
        ours = {
            "spreadsheet_id": google.spreadsheet_id,
            "credentials": key,
            "base_url": google.url,
        }
        return sinks(**{**ours, **settings})

    return make


@pytest.fixture
def add(tabs: Sinks) -> Ship:
    return shipping(tabs())


@pytest.fixture
def ship(web_app: WebAppServer, sinks: Sinks) -> Ship:
    return shipping(sinks(api_url=web_app.url))


@pytest.fixture
def ship_events(web_app: WebAppServer, sinks: Sinks) -> Ship:
    return shipping(sinks(api_url=web_app.url, form="events", api_token=TOKEN))


def shipping(sink: SheetsSink) -> Ship:
    def ship(*records: Record, within: float = 30.0) -> Receipt:
        return sink.ship_batch(Batch(records, deadline=sink.clock.monotonic() + within))

    return ship


def calls(google: SheetsServer) -> list[str]:
    """Return what Google was asked, by the last words of each path."""
    return [f"{one.method} {one.path.rpartition('/')[2]}" for one in google.requests]


def ids(google: SheetsServer) -> list[str]:
    """Return the ids in column A, from the top."""
    return [row["event_id"] for row in google.rows]
