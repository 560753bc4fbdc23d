"""Reads what a plugin answered, trusting none of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import define, field

from telemetry_core.clock import NS_PER_SECOND
from telemetry_core.errors import PluginError
from telemetry_core.records import FOREVER, Receipt, Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

HOURLY = 3600.0  # a pause without an end is tried so often
LONGEST_PAUSE = 86_400.0  # one trial a day does no harm, whatever the other end asked for


@define
class Outcome:
    """What became of a batch: of its own records only, times as seconds from now."""

    delivered: list[str] = field(factory=list)
    rejected: dict[str, Rejection] = field(factory=dict)
    refused: Rejection | None = None
    retry_after: float = 0.0
    pause: float | None = None
    code: str = ""
    reason: str = ""
    strangers: int = 0

    @property
    def settles(self) -> bool:
        """Whether any record came to its end."""
        return bool(self.delivered or self.rejected)


def read_receipt(receipt: object, ids: Sequence[str], now_ns: int) -> Outcome:
    """Translate a receipt for the records of these ids; nothing means that all arrived.

    Raises `PluginError`, `TypeError`, `ValueError` or `AttributeError` for what is no receipt.
    """
    if receipt is None:
        return Outcome(delivered=list(ids))
    if not isinstance(receipt, Receipt):
        kind = type(receipt).__name__
        raise PluginError(f"ship_batch returned {kind}; it has to return a Receipt or None")
    named = frozenset(receipt.delivered).union(receipt.rejected)
    outcome = Outcome(
        delivered=[i for i in ids if i in receipt.delivered and i not in receipt.rejected],
        rejected={i: _rejection(receipt.rejected[i]) for i in ids if i in receipt.rejected},
        retry_after=_bounded(receipt.retry_after or 0.0),
        pause=_seconds_until(receipt.pause_until, now_ns),
        code=str(receipt.code),
        reason=str(receipt.reason),
        strangers=len(named.difference(ids)),
    )
    outcome.refused = _refusal(receipt, outcome, len(ids))
    return outcome


def _refusal(receipt: Receipt, outcome: Outcome, count: int) -> Rejection | None:
    """Return why the batch as a whole was refused, also when that was said of each record."""
    if receipt.refused_whole:
        return Rejection(outcome.code, outcome.reason)
    reasons = list(outcome.rejected.values())
    if all(rejection.certain for rejection in reasons):
        return None
    if len(reasons) == count and len({rejection.code for rejection in reasons}) == 1:
        outcome.rejected = {}
        return reasons[0]
    return None


def _rejection(rejection: Rejection) -> Rejection:
    certain = rejection.certain is True
    return Rejection(str(rejection.code), str(rejection.reason), certain)


def _bounded(seconds: float) -> float:
    return 0.0 if math.isnan(seconds) else min(max(0.0, float(seconds)), LONGEST_PAUSE)


def _seconds_until(pause_until: int | None, now_ns: int) -> float | None:
    if pause_until is None:
        return None
    if pause_until >= FOREVER:
        return HOURLY
    return _bounded((pause_until - now_ns) / NS_PER_SECOND)
