"""The way to RAXE: the connection, one request, and nothing that is not told about it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from telemetry_core import Batch
from telemetry_core.sending import http_client, is_loopback, post
from telemetry_raxe.envelope import NAME
from telemetry_raxe.shipper_errors import UnavailableError

if TYPE_CHECKING:
    import httpx

    from telemetry_core import Clock
    from telemetry_core.sending import Answer
    from telemetry_raxe.envelope import Body

_CONNECTIONS = 4


class Postbox:
    """Posts bodies to one address with one key; for any thread, in the process that opened it.

    The key goes to this address and nowhere else: redirects are not followed, and on this machine
    no proxy is asked.
    """

    def __init__(self, url: str, key: str, clock: Clock) -> None:
        self.url = url
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._process = 0

    def post(self, body: Body, *, deadline: float) -> Answer:
        """Return the answer, read to its end; raises `UnavailableError` when there is none."""
        from httpx import HTTPError, TimeoutException

        batch = Batch((), deadline=deadline)
        try:
            return post(
                self._opened(),
                self.url,
                body.content,
                batch=batch,
                clock=self._clock,
                headers=self._headers(body.encoding),
            )
        except TimeoutException:
            raise UnavailableError("the service did not answer in time", code="timeout") from None
        except HTTPError as error:
            raise UnavailableError(
                f"the service cannot be reached ({type(error).__name__}: {error})"
            ) from None

    def close(self) -> None:
        """Close the connections; the next call opens others."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._process == os.getpid():
            client.close()

    def _headers(self, encoding: str | None) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return headers

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None or self._process != os.getpid():
                proxies = not is_loopback(self.url)
                self._client = http_client(name=NAME, proxies=proxies, connections=_CONNECTIONS)
                self._process = os.getpid()
            return self._client
