"""The way to one application of a server: the connection, the signed request, its answer."""

from __future__ import annotations

import gzip
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import evolve

from telemetry_core import Batch, ConfigError, iso8601
from telemetry_core.sending import http_client, is_loopback, post, request
from telemetry_hmac_ingest.address import ingest_path
from telemetry_hmac_ingest.batches import body
from telemetry_hmac_ingest.events import SCHEMA
from telemetry_hmac_ingest.signature import sign, sign_legacy
from telemetry_hmac_ingest.surroundings import NAME, sender

if TYPE_CHECKING:
    import httpx

    from telemetry_core.sending import Answer
    from telemetry_hmac_ingest.batches import Item
    from telemetry_hmac_ingest.sink import HmacIngestSink

_NS = 1_000_000_000
_BYTES_PER_SECOND = 256 * 1024  # of a large body, beyond the time-out of any request
_LEAST_SKEW = 30  # seconds; below it the clock is not why a server answers 403


class Courier:
    """Sends events; the connection is opened by the first of them.

    :ivar skew: the seconds by which the server's clock is ahead of ours, as far as we were told.
    """

    def __init__(self, sink: HmacIngestSink, secret: str) -> None:
        self._sink = sink
        self._secret = secret
        self._client: httpx.Client | None = None
        self.skew = 0

    def send(
        self, items: list[Item], *, deadline: float, attempt: int = 1, dnt: bool = False
    ) -> Answer:
        """Send what fits into one request, a second time where only the signing was in the way.

        Raises `httpx.TransportError`.

        :param dnt: ask the server to look at everything and to keep nothing.
        """
        answer = self._attempt(items, deadline, attempt, dnt=dnt)
        if self._is_worth_another(answer):
            answer = self._attempt(items, deadline, attempt, dnt=dnt)
        return answer

    def get(self, path: str, within: float) -> Answer:
        """Ask for something that needs no signature; raises `httpx.TransportError`."""
        clock = self._sink.clock
        batch = Batch((), deadline=clock.monotonic() + within)
        return request(self._opened(), "GET", self._sink.endpoint + path, batch=batch, clock=clock)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _attempt(self, items: list[Item], deadline: float, attempt: int, *, dnt: bool) -> Answer:
        """Make one request, with a time and a nonce of its own; the ids of events stay."""
        sink, clock = self._sink, self._sink.clock
        now_ns = clock.time_ns() + self.skew * _NS
        content = body(items, sender=sender(), sent_at=iso8601(now_ns), attempt=attempt)
        headers = {"X-Batch-Size": str(len(items))}
        if sink.gzip:
            content = gzip.compress(content, 1)
            headers["Content-Encoding"] = "gzip"
        if dnt:
            headers["DNT"] = "1"
        headers |= self._signed(str(now_ns // _NS), content)
        patience = sink.timeout + len(content) / _BYTES_PER_SECOND
        batch = Batch((), deadline=min(deadline, clock.monotonic() + patience))
        url = sink.endpoint + ingest_path(sink.org_id, sink.app_id)
        answer = post(self._opened(), url, content, batch=batch, clock=clock, headers=headers)
        return evolve(answer, body=self._without_secrets(answer.body))

    def _without_secrets(self, text: bytes) -> bytes:
        """Return what a server says, which goes into logs, without what it may repeat of ours."""
        for secret in (self._sink.secret, self._sink.token):
            if secret:
                text = text.replace(secret.reveal().encode("utf-8", "replace"), b"<secret>")
        return text

    def _signed(self, timestamp: str, content: bytes) -> dict[str, str]:
        """Return the headers that say when and by whom a body was signed."""
        nonce = str(uuid4())
        if self._sink.signing == "legacy":
            signature = sign_legacy(self._secret, timestamp, content)
        else:
            signature = sign(self._secret, timestamp, nonce, content)
        return {"X-Signature": signature, "X-Timestamp": timestamp, "X-Nonce": nonce}

    def _is_worth_another(self, answer: Answer) -> bool:
        """Tell whether a request may pass that is signed anew.

        A nonce comes twice where something between us and the server repeats requests. By the
        time that a 403 was answered at, one can tell whether our clock is the reason.
        """
        if answer.status != HTTPStatus.FORBIDDEN:
            return answer.status == HTTPStatus.CONFLICT
        there = _date_of(answer)
        if there is None:
            return False
        skew = there - self._sink.clock.time_ns() // _NS
        wrong = abs(skew - self.skew) >= _LEAST_SKEW
        if wrong:
            self.skew = skew
        return wrong

    def _opened(self) -> httpx.Client:
        if self._client is None:
            sink = self._sink
            standing = {"Content-Type": "application/json", "X-Schema-Version": SCHEMA}
            if sink.token:
                standing["Authorization"] = f"Bearer {sink.token.reveal()}"
            try:
                self._client = http_client(
                    name=NAME,
                    headers={**standing, "X-SDK-Version": sender()},
                    trust_store=sink.trust_store,
                    proxies=not is_loopback(sink.endpoint),
                    connections=1,
                )
            except OSError as error:
                raise ConfigError(
                    f"the certificates in {sink.trust_store} cannot be read ({error}); correct"
                    " trust_store in [plugins.hmac_ingest]"
                ) from None
        return self._client


def _date_of(answer: Answer) -> int | None:
    """Return the time of the server that answered, in seconds since 1970, if it says one."""
    try:
        return int(parsedate_to_datetime(answer.headers["date"]).timestamp())
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
