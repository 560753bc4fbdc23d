"""The way to one service: its root, its token, and the connections that are open to it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from telemetry_core import Batch, ConfigError, SystemClock
from telemetry_core.sending import http_client, is_loopback, request

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from telemetry_core import Clock, Secret
    from telemetry_core.sending import Answer

SERVICE = "x-telemetry-service"  # the header that every answer of our own service has
LARGEST = 64 * 1024 * 1024  # of an answer with a thousand runs in it
_CONNECTIONS = 4
_NAME = "telemetry-http-api"
_OURS = {"X-Telemetry-Client": _NAME}  # our service then says more of a run than is documented


class Channel:
    """Calls one service, from any thread; what a process opened stays with that process.

    The token goes to this root and nowhere else: redirects are not followed, and on this machine
    no proxy is asked.
    """

    def __init__(
        self,
        root: str,
        token: Secret | None = None,
        trust_store: str | os.PathLike[str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.root = root
        self.clock: Clock = SystemClock() if clock is None else clock
        self.local = is_loopback(root)
        self._token = token
        self._trust_store = trust_store
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._process = 0

    def call(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        deadline: float,
        headers: Mapping[str, str] | None = None,
        largest: int = LARGEST,
    ) -> Answer:
        """Make one request and return the answer; raises `httpx.TransportError` for none.

        :param path: what follows the root, quoted, with its query.
        :param deadline: the moment of the clock by which it is over.
        """
        return request(
            self._opened(),
            method,
            self.root + path,
            content,
            batch=Batch((), deadline=deadline),
            clock=self.clock,
            headers={**self._standing(content), **(headers or {})},
            largest=largest,
        )

    def close(self) -> None:
        """Close the connections; the next call opens others."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._process == os.getpid():
            client.close()

    def _standing(self, content: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", **_OURS}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return headers

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None or self._process != os.getpid():
                self._client, self._process = self._new_client(), os.getpid()
            return self._client

    def _new_client(self) -> httpx.Client:
        settings: dict[str, Any] = {"proxies": not self.local, "connections": _CONNECTIONS}
        try:
            return http_client(name=_NAME, trust_store=self._trust_store, **settings)
        except OSError as error:
            raise ConfigError(
                f"the certificates in {self._trust_store} cannot be read ({error}); correct"
                " trust_store in [plugins.http_api]"
            ) from None
