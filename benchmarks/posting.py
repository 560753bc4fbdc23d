"""A sink as a plugin for a remote is written: posts each batch as JSON over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field
from httpx import TransportError
from msgspec.json import Encoder

from telemetry_core import Clock, Receipt, SystemClock, hookimpl
from telemetry_core.sending import http_client, post, receipt_for, receipt_for_error

if TYPE_CHECKING:
    import httpx

    from telemetry_core import Batch

_encode = Encoder().encode
_HEADERS = {"Content-Type": "application/json"}


@define(eq=False)
class PostingSink:
    """Posts to a URL; the core's own defaults decide how much at once.

    :param url: where to.
    """

    remote = True

    url: str
    clock: Clock = field(factory=SystemClock)
    _client: httpx.Client = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Open one client for all batches."""
        self._client = http_client(proxies=False)

    def destination(self) -> str:
        """Return the URL."""
        return self.url

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Post the bodies of the records, each under its id."""
        body = _encode([{"id": r.id, "kind": r.kind, "body": r.body} for r in batch])
        try:
            answer = post(
                self._client, self.url, body, batch=batch, clock=self.clock, headers=_HEADERS
            )
        except TransportError as error:
            return receipt_for_error(error)
        return receipt_for(answer.status, answer.headers, batch, self.clock)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
