"""Turns what became of a batch into a receipt: what arrived, what never will, what waits and how long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from telemetry_core import Receipt, Rejection
from telemetry_raxe.said import plain
from telemetry_raxe.shipper_errors import (
    AuthenticationError,
    CircuitOpenError,
    DailyLimitExceededError,
    InvalidBatchError,
    PrivacyViolationError,
    RateLimitError,
    ShipperError,
    StrangeAnswerError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_core import Clock, Record
    from telemetry_raxe.answers import ShipResult
    from telemetry_raxe.events import Ready
    from telemetry_raxe.limits import Limits

NS = 1_000_000_000
_SHORTEST_PAUSE = 60 * NS  # also where the clocks disagree about whether the day is over
_PLACE = re.compile(r"events?(?:\[(\d{1,4})\]|\.(\d{1,4})(?!\d))")
_TOO_OLD = "schema_version_unsupported"  # it is about this client, whatever it sends


class Item(NamedTuple):
    """A record, and the event that it is."""

    record: Record
    event: Ready


def receipt_of(result: ShipResult, items: Sequence[Item]) -> Receipt:
    """Return what an answer says of each record.

    An answer whose numbers do not add up settles nothing: what it did take it knows by its id.
    """
    said = {str(one.get("event_id")): one for one in result.errors}
    rejected = {
        item.record.id: _rejection(said[item.event.id]) for item in items if item.event.id in said
    }
    if result.rejected > len(rejected):
        if rejected:
            return Receipt.of((), rejected)
        return _refused("rejected", "some event was rejected, and not said which", items)
    others = [item.record.id for item in items if item.record.id not in rejected]
    if len(others) in {result.accepted, result.accepted + result.duplicates}:
        return Receipt.of(others, rejected)
    return Receipt.wait(
        f"the answer speaks of {result.accepted} accepted and {result.duplicates} known events of"
        f" {len(others)}",
        code="answer",
    )


def receipt_of_error(
    error: ShipperError, items: Sequence[Item], clock: Clock, limits: Limits
) -> Receipt:
    """Return what an error means for records: the offender ends, the others wait.

    | error | receipt |
    |---|---|
    | `DailyLimitExceededError` | a pause until the limit ends |
    | `RateLimitError`, `UnavailableError`, `CircuitOpenError` | wait, as long as it says |
    | `StrangeAnswerError` | wait |
    | `PrivacyViolationError`, `InvalidBatchError` | the record it names is rejected, else the batch is halved |
    | `AuthenticationError` and any other | a pause: the key or the settings have to be mended |
    """
    reason = str(error)
    match error:
        case DailyLimitExceededError():
            moment = limits.next_midnight() if error.reset_at is None else error.reset_at
            until = max(limits.ours(moment), clock.time_ns() + _SHORTEST_PAUSE)
            return Receipt.pause(error.code, reason, until_ns=until)
        case RateLimitError() | UnavailableError():
            return Receipt.wait(reason, code=error.code, retry_after=error.retry_after)
        case CircuitOpenError():
            return Receipt.wait(reason, code=error.code, retry_after=error.retry_in)
        case StrangeAnswerError():
            return Receipt.wait(reason, code=error.code)
        case AuthenticationError():
            return Receipt.pause(error.code, reason)
        case PrivacyViolationError() | InvalidBatchError() if error.code != _TOO_OLD:
            return _offended(error, items)
    return Receipt.pause(error.code, reason)


def _offended(error: PrivacyViolationError | InvalidBatchError, items: Sequence[Item]) -> Receipt:
    """Return the rejection of the record that an error names, or have it looked for."""
    found = _PLACE.search(error.field or "")
    place = int(found[1] or found[2]) if found else len(items)
    if place < len(items):
        why = Rejection(error.code, str(error), certain=True)
        return Receipt.of((), {items[place].record.id: why})
    certain = isinstance(error, PrivacyViolationError)
    return _refused(error.code, str(error), items, certain=certain)


def _refused(code: str, reason: str, items: Sequence[Item], *, certain: bool = False) -> Receipt:
    if len(items) != 1:
        return Receipt.refuse(code, reason)
    return Receipt.of((), {items[0].record.id: Rejection(code, reason, certain=certain)})


def _rejection(said: dict[str, object]) -> Rejection:
    words = said.get("message") or said.get("error") or "the service rejects it"
    return Rejection(plain(str(said.get("code") or "rejected")), plain(str(words)), certain=True)
