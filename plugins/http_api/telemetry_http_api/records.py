"""How records go to our own service: a batch is one request, the answer says what became of each."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import msgspec

from telemetry_core import Receipt, Rejection, encode_record
from telemetry_core.sending import receipt_for
from telemetry_http_api.calling import SERVICE
from telemetry_http_api.words import detail, succeeded

if TYPE_CHECKING:
    from telemetry_core import Batch
    from telemetry_core.sending import Answer
    from telemetry_http_api.calling import Channel

PATH = "/api/v1/records"
_WORTH_PACKING = 4096
_GZIP = {"Content-Encoding": "gzip"}
_NO_SUCH_ROUTE = frozenset({404, 405})
_LARGEST_ANSWER = 8 * 1024 * 1024  # a reason for each record of a batch


class _Rejected(msgspec.Struct):
    index: int
    code: str
    reason: str = ""


class _Told(msgspec.Struct):
    accepted: int
    rejected: list[_Rejected] = []


_read = msgspec.json.Decoder(_Told).decode


def ship_records(channel: Channel, batch: Batch) -> Receipt | None:
    """Hand a batch over in one request; nothing when the service has no place for records."""
    answer = _post(channel, batch)
    if answer.status in _NO_SUCH_ROUTE and SERVICE not in answer.headers:
        return None
    if not succeeded(answer):
        words = detail(answer)
        return receipt_for(answer.status, answer.headers, batch, channel.clock, words)
    return _receipt(answer, batch)


def _post(channel: Channel, batch: Batch) -> Answer:
    body = b'{"records":[' + b",".join(map(encode_record, batch)) + b"]}"
    headers = None
    if len(body) > _WORTH_PACKING and not channel.local:  # packing is for the way, not for memory
        body, headers = gzip.compress(body, 1), _GZIP
    return channel.call(
        "POST",
        PATH,
        body,
        deadline=batch.deadline,
        headers=headers,
        largest=_LARGEST_ANSWER,
    )


def _receipt(answer: Answer, batch: Batch) -> Receipt:
    """Return what the service says of each record, where it speaks of as many as it was sent."""
    try:
        told = _read(answer.body)
    except (msgspec.MsgspecError, ValueError):
        return _not_understood("no such answer comes from a run service")
    at = {one.index: one for one in told.rejected}
    if told.accepted + len(at) != len(batch) or not at.keys() <= set(range(len(batch))):
        return _not_understood("it does not say what became of each record")
    rejected = {
        record.id: Rejection(at[place].code, at[place].reason)
        for place, record in enumerate(batch)
        if place in at
    }
    delivered = (record.id for record in batch if record.id not in rejected)
    return Receipt.of(delivered, rejected)


def _not_understood(why: str) -> Receipt:
    return Receipt.wait(
        f"{why}; check the URL, perhaps something answers in its place", code="answer"
    )
