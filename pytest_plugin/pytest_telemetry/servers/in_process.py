"""A fake server without a port: respx hands it what httpx sends to its address."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import respx

from pytest_telemetry.servers.exchange import ImpatientError, LostError
from pytest_telemetry.servers.messages import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.servers.fake import FakeServer


@contextmanager
def mount(server: FakeServer, url: str) -> Iterator[None]:
    """Answer for the server what any httpx client of this process sends to the address."""
    mounted = True

    def answer(request: httpx.Request) -> httpx.Response:
        if server.is_down:
            raise httpx.ConnectError("[Errno 111] Connection refused", request=request)
        read = _read(request)
        try:
            given = server.respond(read, lambda: not mounted, _patience(request))
        except ImpatientError:
            raise httpx.ReadTimeout("timed out", request=request) from None
        except LostError:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            ) from None
        return httpx.Response(given.status, headers=given.headers, content=given.body_for(read))

    with respx.mock(base_url=url, assert_all_called=False) as router:
        router.route().mock(side_effect=answer)
        try:
            yield
        finally:
            mounted = False


def _read(request: httpx.Request) -> Request:
    headers: dict[str, str] = {}
    for name, text in request.headers.raw:
        key, value = name.decode("latin-1").lower(), text.decode("latin-1")
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    target = request.extensions.get("target", request.url.raw_path).decode("ascii")
    return Request(request.method, target, headers, request.read())


def _patience(request: httpx.Request) -> float | None:
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds
