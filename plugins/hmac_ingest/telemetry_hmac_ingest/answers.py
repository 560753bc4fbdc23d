"""What an answer means for each of the events that were sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from telemetry_core import Batch, Receipt, Rejection
from telemetry_core.sending import receipt_for, retry_after
from telemetry_hmac_ingest.reading import Said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_core import Clock
    from telemetry_core.sending import Answer
    from telemetry_hmac_ingest.batches import Item

DUPLICATE = "duplicate"
NOT_TRACKED = HTTPStatus.NO_CONTENT

# Of the reasons that servers give for one event these are about the server: it waits.
_PASSING = frozenset(
    {
        "database_error",
        "internal_error",
        "quota_exceeded",
        "rate_limit_exceeded",
        "service_unavailable",
        "timeout",
    }
)
_BY_EVENT = frozenset({HTTPStatus.MULTI_STATUS, HTTPStatus.BAD_REQUEST, 422})
_TAKEN = frozenset({HTTPStatus.OK, HTTPStatus.MULTI_STATUS})
_SUCCESS = 2


def receipt_of(answer: Answer, items: Sequence[Item], clock: Clock) -> Receipt:
    """Return what became of the events of one request.

    | answer | receipt |
    |---|---|
    | 200, 207 with a count and none rejected | all delivered |
    | 204 | all done with: the server does not track |
    | 207, 400 and 422 that name events | each by itself |
    | any other 2xx, 409 | they wait |
    | 429 | they wait as long as the header or the body says |
    | else | as `receipt_for` has it |
    """
    said = Said.of(answer)
    batch = Batch(tuple(item.record for item in items))
    status, words = answer.status, said.words
    if status in _BY_EVENT and _names_one_of(said, items):
        return _by_event(said, items, all_others=status == HTTPStatus.MULTI_STATUS)
    counted = said.accepted is not None and not said.rejected
    if status == NOT_TRACKED or (status in _TAKEN and counted):
        return Receipt.all(batch)
    if status // 100 == _SUCCESS:
        why = "the answer is none of the protocol; check the endpoint"
        return Receipt.wait(f"{why} (status {status})", code=f"http_{status}")
    if status == HTTPStatus.CONFLICT:
        return Receipt.wait(words or "the nonce came twice", code="http_409")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(answer.headers, clock)
        wait = said.retry_after if wait is None else wait
        return Receipt.wait(words, code="http_429", retry_after=wait)
    return receipt_for(status, answer.headers, batch, clock, words)


def _names_one_of(said: Said, items: Sequence[Item]) -> bool:
    return not {error.event_id for error in said.errors}.isdisjoint(item.event_id for item in items)


def _by_event(said: Said, items: Sequence[Item], *, all_others: bool) -> Receipt:
    """Settle each event that is named, and the others where the count leaves no doubt of them."""
    errors = {error.event_id: error for error in said.errors}
    certain = all_others and said.rejected == len(said.errors)
    delivered, rejected = [], {}
    for item in items:
        error = errors.get(item.event_id)
        if error is None:
            if certain:
                delivered.append(item.record.id)
        elif error.code == DUPLICATE:
            delivered.append(item.record.id)
        elif error.code not in _PASSING:
            rejected[item.record.id] = Rejection(error.code or "refused", error.message)
    receipt = Receipt.of(delivered, rejected)
    receipt.code = said.errors[0].code
    receipt.reason = said.errors[0].message
    return receipt
