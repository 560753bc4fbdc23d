"""The way to PostHog: the connection, the request, and what its answer means."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from attrs import evolve

from telemetry_core import Batch, ConfigError, Receipt, iso8601
from telemetry_core.sending import (
    http_client,
    is_loopback,
    post,
    receipt_for,
    receipt_for_error,
)
from telemetry_posthog.address import BATCH
from telemetry_posthog.bodies import MOST_EVENTS, of_many, of_one
from telemetry_posthog.surroundings import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from telemetry_core.sending import Answer
    from telemetry_posthog.bodies import Item
    from telemetry_posthog.sink import PostHogSink

_SUCCESS = 2
_BYTES_PER_SECOND = 256 * 1024  # of a large body, beyond the time-out of any request
_LONGEST_WORDS = 200
_HEADERS = {"Content-Type": "application/json"}


class Postbox:
    """Posts events; the connection is opened by the first of them."""

    def __init__(self, sink: PostHogSink, key: str) -> None:
        self._sink = sink
        self._key = key
        self._client: httpx.Client | None = None
        self.most = MOST_EVENTS if sink.endpoint == BATCH else 1

    def post(self, items: Sequence[Item], deadline: float) -> Receipt:
        """Send what fits into one request, and say what became of these records."""
        from httpx import TransportError

        body = self._body(items)
        headers = _HEADERS
        if self._sink.gzip:
            body, headers = gzip.compress(body, 1), {**_HEADERS, "Content-Encoding": "gzip"}
        clock = self._sink.clock
        patience = self._sink.timeout + len(body) / _BYTES_PER_SECOND
        until = min(deadline, clock.monotonic() + patience)
        batch = Batch(tuple([record for record, _ in items]), deadline=until)
        url = f"{self._sink.host}{self._sink.endpoint}"
        try:
            answer = post(self._opened(), url, body, batch=batch, clock=clock, headers=headers)
        except TransportError as error:
            return receipt_for_error(error)
        return receipt_for(answer.status, answer.headers, batch, clock, self._words(answer))

    def get(self, path: str, within: float) -> Answer:
        """Ask for something that no key is needed for; raises `httpx.TransportError`."""
        from telemetry_core.sending import request

        clock = self._sink.clock
        batch = Batch((), deadline=clock.monotonic() + within)
        return request(self._opened(), "GET", self._sink.host + path, batch=batch, clock=clock)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _body(self, items: Sequence[Item]) -> bytes:
        """Write the body of this attempt: PostHog mends our clock by the time of sending."""
        sent_at = iso8601(self._sink.clock.time_ns())
        if self._sink.endpoint == BATCH:
            historical = self._sink.historical_migration
            return of_many(items, key=self._key, sent_at=sent_at, historical=historical)
        ((_, content),) = items
        return of_one(content, key=self._key, sent_at=sent_at)

    def _words(self, answer: Answer) -> str:
        """Return what PostHog says of a refusal, on one line and without the key."""
        if answer.status // 100 == _SUCCESS:
            return ""
        said = " ".join(answer.body[: 4 * _LONGEST_WORDS].decode("utf-8", "replace").split())
        return said.replace(self._key, "<secret>")[:_LONGEST_WORDS]

    def _opened(self) -> httpx.Client:
        if self._client is None:
            sink = self._sink
            proxies = not is_loopback(sink.host)
            try:
                self._client = http_client(
                    name=NAME,
                    headers={"User-Agent": sink.user_agent} if sink.user_agent else None,
                    trust_store=sink.trust_store,
                    proxies=proxies,
                    connections=1,
                )
            except OSError as error:
                raise ConfigError(
                    f"the certificates in {sink.trust_store} cannot be read ({error}); correct"
                    " trust_store in [plugins.posthog]"
                ) from None
        return self._client


def joined(first: Receipt, then: Receipt) -> Receipt:
    """Return what became of the records of two requests, the second one having the last word."""
    return evolve(
        then,
        delivered=first.delivered | then.delivered,
        rejected={**first.rejected, **then.rejected},
    )
