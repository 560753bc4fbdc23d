"""What a batch asks a service that knows runs only, within its time, and what stops it from asking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from telemetry_core import Receipt, TelemetryError, json_text
from telemetry_core.sending import receipt_for
from telemetry_http_api.address import RUNS, run_path
from telemetry_http_api.outcomes import StrangeAnswerError
from telemetry_http_api.rows import run_of
from telemetry_http_api.words import detail, is_missing, succeeded

if TYPE_CHECKING:
    from telemetry_core import Batch, RunRecord
    from telemetry_core.sending import Answer
    from telemetry_http_api.calling import Channel


class StoppedError(Exception):
    """The service keeps us from going on; what is not settled waits."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.reason)
        self.receipt = receipt


class Conversation:
    """Requests about single runs and their answers; a transport error is the caller's."""

    def __init__(self, channel: Channel, batch: Batch) -> None:
        self._channel = channel
        self._batch = batch

    def ask(self, method: str, path: str, value: Any = None) -> Answer:
        """Return the answer, whatever it is; raises `StoppedError` when the time is over."""
        if self._channel.clock.monotonic() >= self._batch.deadline:
            raise StoppedError(Receipt.wait("the time of the batch is over", code="deadline"))
        content = None if value is None else json_text(value).encode()
        return self._channel.call(method, path, content, deadline=self._batch.deadline)

    def stopped(self, answer: Answer) -> StoppedError:
        """Return the error that says what an answer keeps us from."""
        words = detail(answer)
        return StoppedError(
            receipt_for(answer.status, answer.headers, self._batch, self._channel.clock, words)
        )

    def stored(self, told: RunRecord) -> RunRecord | None:
        """Return the run as the service has it, placed before or after what is told of it.

        Rows have no revision: what has ended is later than what still runs, else it is earlier.
        """
        answer = self.ask("GET", run_path(told.event_id))
        if is_missing(answer):
            return None
        if not succeeded(answer):
            raise self.stopped(answer)
        try:
            stored = run_of(json.loads(answer.body))
        except (ValueError, TypeError, AttributeError, TelemetryError) as error:
            raise StrangeAnswerError(str(error)) from None
        if stored.event_id != told.event_id:
            raise StrangeAnswerError("it shows another run")
        later = stored.ended and not told.ended
        return evolve(stored, revision=told.revision + (1 if later else -1))


def refusal_to_list_runs(channel: Channel, batch: Batch) -> Receipt | None:
    """Return what keeps a service from listing its runs; nothing when it is one that has runs."""
    answer = channel.call("GET", f"{RUNS}?limit=1", deadline=batch.deadline)
    if not succeeded(answer):
        return Conversation(channel, batch).stopped(answer).receipt
    try:
        runs = json.loads(answer.body)
    except (ValueError, RecursionError):
        runs = None
    return None if isinstance(runs, list) else strange("it lists no runs")


def strange(why: str) -> Receipt:
    """Return the receipt for an answer that no run service gives."""
    return Receipt.wait(
        f"no such answer comes from a run service ({why}); check the URL", code="answer"
    )
