"""A fake spreadsheet on a port, and a client of it that has a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from pytest_telemetry import FakeClock, SheetsServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def plain() -> Iterator[httpx.Client]:
    """Return a client for many tests: making one takes longer than a case."""
    with httpx.Client() as client:
        yield client


@pytest.fixture
def server(clock: FakeClock) -> SheetsServer:
    return SheetsServer(clock)


@pytest.fixture
def url(server: SheetsServer) -> Iterator[str]:
    with server.mounted("https://sheets.googleapis.com") as url:
        yield url


@pytest.fixture
def http(server: SheetsServer, url: str) -> Iterator[httpx.Client]:
    """Return a client whose addresses begin behind the id of the file."""
    headers = {"authorization": f"Bearer {server.access_token()}"}
    base = f"{url}/v4/spreadsheets/{server.spreadsheet_id}"
    with httpx.Client(base_url=base, headers=headers) as client:
        yield client
