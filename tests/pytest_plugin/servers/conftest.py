"""A fake server in each of its two places, and a real client to talk to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from pytest_telemetry import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> HttpServer:
    return HttpServer()


@pytest.fixture(params=["serving", "mounted"])
def url(request: pytest.FixtureRequest, server: HttpServer) -> Iterator[str]:
    """Return the address of the server, on a port and in process."""
    with getattr(server, request.param)() as url:
        yield url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    """Return a client of the server that gives up after a while."""
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client
