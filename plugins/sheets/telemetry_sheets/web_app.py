"""The web app: an endpoint of one's own that puts what it is posted into a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import evolve
from httpx import TransportError

from telemetry_core import APIPayload, Batch, Receipt, json_text
from telemetry_core.sending import http_client, receipt_for, receipt_for_error, request
from telemetry_sheets.address import is_loopback
from telemetry_sheets.answers import explained, is_confirmed, is_taken

if TYPE_CHECKING:
    import os

    from telemetry_core import Clock, Record, Rejection, RunRecord, Secret
    from telemetry_core.sending import Answer

_NAME = "telemetry-sheets"
_CALL = 10.0  # seconds that one post of several has at least
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class WebApp:
    """Posts to one web app; the token goes to its URL alone, since no redirect is followed."""

    def __init__(
        self,
        url: str,
        token: Secret | None,
        clock: Clock,
        trust_store: str | os.PathLike[str] | None = None,
    ) -> None:
        self.url = url
        self._token = token
        self._clock = clock
        self._client = http_client(
            name=_NAME, trust_store=trust_store, proxies=not is_loopback(url), connections=1
        )

    def post_run(self, payload: APIPayload, deadline: float) -> Answer:
        """Post one run; raises `httpx.TransportError` when there is no answer."""
        headers = {"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {}
        return self._call("POST", self.url, json_text(payload.to_dict()), deadline, headers)

    def post_events(self, events: list[dict[str, Any]], deadline: float) -> Answer:
        """Post several rows at once; an Apps Script sees no header, so its token is in the query."""
        url = self.url
        if self._token:
            sign = "&" if "?" in url else "?"
            url = f"{url}{sign}token={quote(self._token.reveal(), safe='')}"
        return self._call("POST", url, json_text({"events": events}), deadline, {})

    def look(self, deadline: float) -> Answer:
        """Ask for the web app and change nothing."""
        headers = {"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {}
        return self._call("GET", self.url, None, deadline, headers)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _call(
        self, method: str, url: str, text: str | None, deadline: float, headers: dict[str, str]
    ) -> Answer:
        return request(
            self._client,
            method,
            url,
            None if text is None else text.encode(),
            batch=Batch((), deadline=deadline),
            clock=self._clock,
            headers={**_JSON, **headers},
        )


def ship_each(
    web_app: WebApp, runs: dict[Record, RunRecord], batch: Batch, clock: Clock
) -> Receipt:
    """Post runs one by one, as the reference does; the first that has to wait ends the round."""
    delivered: list[str] = []
    rejected: dict[str, Rejection] = {}
    for record, run in runs.items():
        if delivered and batch.deadline - clock.monotonic() < _CALL:
            break  # what is cut off by the deadline may have arrived, and would come twice
        receipt = _posted(web_app, record, run, batch, clock)
        delivered += receipt.delivered
        rejected |= receipt.rejected
        if not receipt.delivered and not receipt.rejected:
            return evolve(receipt, delivered=frozenset(delivered), rejected=rejected)
    return Receipt.of(delivered, rejected)


def ship_together(
    web_app: WebApp, runs: dict[Record, RunRecord], batch: Batch, clock: Clock
) -> Receipt:
    """Post all runs in one request, each with its event id, so that the script can know it again."""
    events = [
        {"event_id": run.event_id, **APIPayload.from_run_record(run).to_dict()}
        for run in runs.values()
    ]
    alone = Batch(tuple(runs), deadline=batch.deadline)
    try:
        answer = web_app.post_events(events, batch.deadline)
    except TransportError as error:
        return receipt_for_error(error)
    if is_confirmed(web_app.url, answer):
        return Receipt.all(alone)
    return _refusal(web_app.url, answer, alone, clock)


def _posted(web_app: WebApp, record: Record, run: RunRecord, batch: Batch, clock: Clock) -> Receipt:
    alone = Batch((record,), deadline=batch.deadline)
    try:
        answer = web_app.post_run(APIPayload.from_run_record(run), batch.deadline)
    except TransportError as error:
        return receipt_for_error(error)
    if is_taken(web_app.url, answer):
        return Receipt.all(alone)
    return _refusal(web_app.url, answer, alone, clock)


def _refusal(url: str, answer: Answer, batch: Batch, clock: Clock) -> Receipt:
    """Return the receipt of an answer that is no success, though its status may be one."""
    words = explained(url, answer)
    if answer.status // 100 == 2:  # noqa: PLR2004
        return Receipt.wait(words, code="not_ok")
    receipt = receipt_for(answer.status, answer.headers, batch, clock, words)
    return evolve(receipt, reason=words or receipt.reason)
