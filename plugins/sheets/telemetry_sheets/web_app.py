"""The web app: an endpoint of one's own that puts what it is posted into a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import evolve
from httpx import TransportError

from telemetry_core import APIPayload, Batch, Receipt, json_text
from telemetry_core.sending import http_client, is_loopback, receipt_for, receipt_for_error, request
from telemetry_sheets.answers import explained, is_confirmed, is_success, is_taken, is_there
from telemetry_sheets.errors import Problem, RefusedError
from telemetry_sheets.words import unanswered

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from telemetry_core import Clock, Record, Rejection, RunRecord, Secret
    from telemetry_core.sending import Answer

_NAME = "telemetry-sheets"
_CALL = 10.0  # seconds that one post of several has at least
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class WebApp:
    """Posts to one web app; the token goes to its URL alone, since no redirect is followed.

    :param form: `run` posts each run by itself, as the reference does, `events` all of a batch.
    """

    def __init__(
        self,
        url: str,
        token: Secret | None,
        clock: Clock,
        trust_store: str | os.PathLike[str] | None = None,
        *,
        form: str = "run",
    ) -> None:
        self.url = url
        self._token = token
        self._clock = clock
        self._ship = self._ship_together if form == "events" else self._ship_each
        self._client = http_client(
            name=_NAME, trust_store=trust_store, proxies=not is_loopback(url), connections=1
        )

    def ship(self, runs: dict[Record, RunRecord], batch: Batch) -> Receipt:
        """Post the runs and say what became of each."""
        return self._ship(runs, batch)

    def check(self, deadline: float, *, to_write: bool = False) -> Problem | None:  # noqa: ARG002 - only a post would tell
        """Return what is wrong with the web app, as far as it can be known without a post."""
        try:
            answer = self.look(deadline)
        except TransportError as error:
            return unanswered(error)
        if is_there(self.url, answer):
            return None
        words = explained(self.url, answer) or f"it answers {answer.status}; check the URL"
        return Problem(f"http_{answer.status}", words)

    def post_run(self, payload: APIPayload, deadline: float) -> Answer:
        """Post one run; raises `httpx.TransportError` when there is no answer."""
        return self._call("POST", json_text(payload.to_dict()), deadline, self._bearer())

    def post_events(self, events: list[dict[str, Any]], deadline: float) -> Answer:
        """Post several rows; an Apps Script sees no header, so their token is in the query."""
        query = f"token={quote(self._token.reveal(), safe='')}" if self._token else ""
        return self._call("POST", json_text({"events": events}), deadline, {}, query)

    def add(self, rows: Iterable[Mapping[str, Any]], deadline: float) -> int:
        """Post rows together and return how many; raises `RefusedError` and `TransportError`."""
        events = [{name: value for name, value in row.items() if value != ""} for row in rows]
        answer = self.post_events(events, deadline)
        if not is_confirmed(self.url, answer):
            words = explained(self.url, answer) or f"the web app answers {answer.status}"
            raise RefusedError(Problem(f"http_{answer.status}", words), answer)
        return len(events)

    def look(self, deadline: float) -> Answer:
        """Ask for the web app and change nothing."""
        return self._call("GET", None, deadline, self._bearer())

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _ship_each(self, runs: dict[Record, RunRecord], batch: Batch) -> Receipt:
        """Post runs one by one; the first that has to wait ends the round."""
        delivered: list[str] = []
        rejected: dict[str, Rejection] = {}
        for record, run in runs.items():
            if delivered and batch.deadline - self._clock.monotonic() < _CALL:
                break  # what is cut off by the deadline may have arrived, and would come twice
            receipt = self._ship_one(record, run, batch.deadline)
            delivered += receipt.delivered
            rejected |= receipt.rejected
            if not receipt.delivered and not receipt.rejected:
                return evolve(receipt, delivered=frozenset(delivered), rejected=rejected)
        return Receipt.of(delivered, rejected)

    def _ship_one(self, record: Record, run: RunRecord, deadline: float) -> Receipt:
        alone = Batch((record,), deadline=deadline)
        try:
            answer = self.post_run(APIPayload.from_run_record(run), deadline)
        except TransportError as error:
            return receipt_for_error(error)
        return self._receipt(answer, alone, taken=is_taken(self.url, answer))

    def _ship_together(self, runs: dict[Record, RunRecord], batch: Batch) -> Receipt:
        """Post all runs at once, each with its event id, so that the script can know it again."""
        events = [
            {"event_id": run.event_id, **APIPayload.from_run_record(run).to_dict()}
            for run in runs.values()
        ]
        alone = Batch(tuple(runs), deadline=batch.deadline)
        try:
            answer = self.post_events(events, batch.deadline)
        except TransportError as error:
            return receipt_for_error(error)
        return self._receipt(answer, alone, taken=is_confirmed(self.url, answer))

    def _receipt(self, answer: Answer, batch: Batch, *, taken: bool) -> Receipt:
        if taken:
            return Receipt.all(batch)
        words = explained(self.url, answer)
        if is_success(answer):
            return Receipt.wait(words, code="not_ok")
        receipt = receipt_for(answer.status, answer.headers, batch, self._clock, words)
        return evolve(receipt, reason=words or receipt.reason)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {}

    def _call(
        self,
        method: str,
        text: str | None,
        deadline: float,
        headers: dict[str, str],
        secret_query: str = "",
    ) -> Answer:
        return request(
            self._client,
            method,
            self.url,
            None if text is None else text.encode(),
            batch=Batch((), deadline=deadline),
            clock=self._clock,
            headers={**_JSON, **headers},
            secret_query=secret_query,
        )
