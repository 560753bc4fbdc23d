"""Sends a signed request that stores nothing, and explains what a server answers to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry_core import Kind, Lane, Record, RunEvent, derived_id
from telemetry_hmac_ingest.batches import Item, item_of
from telemetry_hmac_ingest.reading import Said

if TYPE_CHECKING:
    from telemetry_core.sending import Answer
    from telemetry_hmac_ingest.sink import HmacIngestSink

_WITHIN = 30.0
_TAKEN = frozenset({200, 204})
_LAST_OF_SERVER = 500
_REMEDIES = {
    400: "the server does not understand it; does it want UUIDs as org_id and app_id?",
    401: "token and secret do not fit the application; copy both anew, the secret as it is written",
    403: "the token is of another organisation or application; or a clock is wrong, here or there",
    404: "there is no such server or application at this address; check endpoint, org_id and app_id",
    405: "this address takes no events; check endpoint",
    409: "something between here and the server repeats requests; look at the proxies",
    413: "something between here and the server takes small requests only; look at the proxies",
    415: "the server does not unpack; set gzip = false",
    429: "the tier's requests for this minute or its events for this month are used up; wait",
}
_ELSE = "the endpoint is no ingestion server; check it"


class Probe(NamedTuple):
    """What became of a request: its status is nothing where there was no answer."""

    ok: bool
    status: int | None
    words: str
    remedy: str = ""
    skew: int = 0


def probe(sink: HmacIngestSink, *, keep: bool = False) -> Probe:
    """Send one event, signed as all others, and explain the answer.

    :param keep: have the server keep the event; else it says all but stores nothing (`DNT: 1`).
    """
    from httpx import TransportError

    deadline = sink.clock.monotonic() + _WITHIN
    courier = sink.courier()
    try:
        answer = courier.send([_event(sink)], deadline=deadline, dnt=not keep)
    except TransportError as error:
        words = f"{sink.endpoint} does not answer ({type(error).__name__}: {error})"
        return Probe(False, None, words, "is it running, and is endpoint right?")
    return _explained(answer)._replace(skew=courier.skew)


def _explained(answer: Answer) -> Probe:
    said = Said.of(answer)
    words = said.words
    if answer.status == 200 and said.accepted is None:  # noqa: PLR2004
        return Probe(False, answer.status, "the answer is none of the protocol", _ELSE)
    if answer.status in _TAKEN:
        return Probe(True, answer.status, words)
    if said.errors:
        error = said.errors[0]
        remedy = "the server does not keep such events; is it of another version?"
        return Probe(False, answer.status, f"{error.code}: {error.message}", remedy)
    remedy = _REMEDIES.get(answer.status, _ELSE)
    if answer.status >= _LAST_OF_SERVER:
        remedy = "the server is in trouble; what is recorded waits until it is well again"
    return Probe(False, answer.status, words or f"status {answer.status}", remedy)


def _event(sink: HmacIngestSink) -> Item:
    now = sink.clock.time_ns()
    body = RunEvent(derived_id(str(now), "hmac_ingest probe"), "probe", now, payload=_SAYING)
    record = Record(body.event_id, Kind.EVENT, 0, now, Lane.STANDARD, body)
    event = sink.events().of(record)
    assert event is not None
    item = item_of(record, event)
    assert isinstance(item, Item)
    return item


_SAYING: dict[str, Any] = {"sent_by": "telemetry ingest test"}
