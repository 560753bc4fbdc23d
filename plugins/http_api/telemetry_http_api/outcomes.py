"""What a service for runs says became of what it was sent; nothing is taken for granted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from telemetry_core.sending import Answer


class StrangeAnswerError(ValueError):
    """A success that no run service answers so: perhaps something else stands in its place."""


class Outcome(NamedTuple):
    """What became of rows that were posted together.

    :ivar duplicates: how many were there already; `errors`: why others were not stored.
    """

    duplicates: int
    errors: list[str]


def of_rows(answer: Answer, posted: int) -> Outcome:
    """Return what became of so many rows; raises `StrangeAnswerError` unless it is said of each."""
    try:
        told = json.loads(answer.body)
        outcome = Outcome(int(told["duplicates"]), [str(one) for one in told["errors"]])
        known = int(told["inserted"]) + outcome.duplicates + len(outcome.errors)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StrangeAnswerError(f"{type(error).__name__}: {error}") from None
    if known != posted:
        raise StrangeAnswerError(f"it does not say what became of each of {posted} runs")
    return outcome


def confirm(answer: Answer, event_id: str) -> None:
    """Raise `StrangeAnswerError` unless the answer says that this run was changed."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("event_id") != event_id:
        raise StrangeAnswerError("it does not say that the run was changed")
