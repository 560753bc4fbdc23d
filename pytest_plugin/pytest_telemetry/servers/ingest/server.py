"""The fake ingestion server: which request means what, and what becomes of events."""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from pytest_telemetry.likeness import Likeness, distance, holds, items, report, short
from pytest_telemetry.servers.fake import FakeServer
from pytest_telemetry.servers.ingest.admission import Admission
from pytest_telemetry.servers.ingest.answers import Refused
from pytest_telemetry.servers.ingest.credentials import Credentials, development, made, plain_id
from pytest_telemetry.servers.ingest.events import is_uuid, problem_of
from pytest_telemetry.servers.ingest.reading import Batch, Limits, carried, read
from pytest_telemetry.servers.messages import Refusal, Request, Response
from pytest_telemetry.servers.times import ServiceTime
from telemetry_core import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.servers.ingest.events import Event
    from telemetry_core import Clock

_HEALTH = "/health"
_CREDENTIALS = "/credentials.json"  # for who runs it by hand
_INGEST = re.compile(r"/v1/ingest/(?P<org>[^/]+)/(?P<app>[^/]+)")
_HEALTHY = {"status": "healthy", "version": "0.1.0"}
_NO_ID = str(UUID(int=0))  # clients want a UUID there
_OPT_OUTS = ("dnt", "do_not_track")
_REFUSED = 400
_SHOWN = 5
_LONGEST = 500


class IngestServer(FakeServer):
    """Takes signed events as a server of telemetry-kit does.

    :ivar development: credentials that work from the beginning, those of the document.
    :ivar admission: who is let in; `require_bearer` has every request bring its token.
    :ivar time: its clock; `time.ahead` is by how many seconds it differs from the test's.
    :ivar limits: how much one request brings.
    :ivar batches: what each request brought of which anything was taken.
    :ivar duplicates: how many events came that were there already.
    :ivar rejects_duplicates: refuses those, as telemetry-kit's own server does; otherwise they
        are acknowledged.
    :ivar nested: errors are told in the newer of two shapes.
    :ivar refusals: what was not taken, and why, a line each.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.time = ServiceTime(clock or SystemClock())
        self.development = development(self.time)
        self.admission = Admission(self.time, [self.development])
        self.limits = Limits()
        self.batches: list[Batch] = []
        self.duplicates = 0
        self.rejects_duplicates = False
        self.nested = False
        self.refusals: list[str] = []
        self._events: dict[tuple[str, str, UUID], Event] = {}
        self._refused: list[tuple[Callable[[Event], object], tuple[str, str]]] = []

    def credentials(self, org: str, app: str, tier: str = "pro") -> Credentials:
        """Return new credentials of an application, which may have several."""
        new = made(len(self.admission.known), org, app, tier, self.time)
        self.admission.known.append(new)
        return new

    # -- what it has kept

    @property
    def events(self) -> list[Event]:
        """Return every event once, in the order in which they came."""
        return list(self._events.values())

    def assert_event(self, type: str, /, **data: Any) -> Event:
        """Return the latest event of a type with this in its data; fail, showing the nearest."""
        __tracebackhide__ = True
        for event in reversed(self.events):
            if event["event"]["type"] == type and holds(_data(event), data):
                return event
        likenesses = [_likeness(event, type, data) for event in self.events]
        lines = [report(f"{type} with {items(data)}", "event", likenesses)]
        raise AssertionError("\n  refused: ".join(lines + self.refusals[-_SHOWN:]))

    def refuse(
        self,
        where: Callable[[Event], object],
        code: str = "invalid_schema",
        reason: str = "it is refused on request",
    ) -> None:
        """Refuse each event for which `where` is true, and take the others of its request.

        Unlike `reject`, which refuses the request.
        """
        self._refused.append((where, (code, reason)))

    # -- the protocol

    def respond(
        self, request: Request, ended: Callable[[], bool], patience: float | None = None
    ) -> Response:
        """Return the answer that all faults leave, and keep of it why something was not taken."""
        answer = super().respond(request, ended, patience)
        if answer.status >= _REFUSED:
            why = answer.body[:_LONGEST].decode("utf-8", "replace")
            self.refusals.append(f"{answer.status} {request} {why}")
        return answer

    def handle(self, request: Request) -> Response:
        """Answer a request of any kind."""
        try:
            return self._dated(self._answered(request))
        except Refused as refusal:
            return self._dated(refusal.shaped(nested=self.nested))

    def records(self, request: Request) -> list[Event]:
        """Return the events that a request brings."""
        return carried(request, self.limits) if _owner(request) else []

    def fault_answer(self, refusal: Refusal, request: Request) -> Response:  # noqa: ARG002
        """Return a refusal in the words of this server."""
        given = refusal.response
        wait = {name: text for name, text in given.headers.items() if name == "retry-after"}
        words = Refused(given.status, str(refusal), headers=wait).shaped(nested=self.nested)
        return self._dated(refusal.saying(words))

    def _answered(self, request: Request) -> Response:
        owner = _owner(request)
        if owner is None and request.path not in (_HEALTH, _CREDENTIALS):
            raise Refused(404, f"Nothing is at {request.path}")
        allowed = "POST" if owner else "GET"
        if request.method != allowed:
            raise Refused(405, f"Only {allowed} is taken here", headers={"allow": allowed})
        if owner:
            return self._ingested(request, owner)
        told = _HEALTHY if request.path == _HEALTH else self.development.told
        return Response.json(told)

    def _ingested(self, request: Request, owner: tuple[str, str]) -> Response:
        by = self.admission.credentials_of(request, owner, self.limits.body_bytes)
        told = by.usage.count(by.requests_per_minute)
        try:
            by.usage.admit_events(by.events_per_month)
            answer = self._taken(request, owner, by)
        except Refused as refusal:
            answer = refusal.shaped(nested=self.nested)
        return Response(answer.status, {**answer.headers, **told}, answer.body)

    def _taken(self, request: Request, owner: tuple[str, str], by: Credentials) -> Response:
        """Keep the events that are good and new, and say what became of each."""
        if by.owner != owner:
            raise Refused(403, "Token does not match org_id/app_id")
        events = read(request, self.limits)
        if any(request.headers.get(name) == "1" for name in _OPT_OUTS):
            return Response(204)
        good, errors, duplicates = [], [], 0
        for place, event in enumerate(events):
            problem = self._problem(event, place, owner)
            if problem:
                errors.append(_error(event, place, *problem))
                continue
            name = _name(event, owner)
            duplicates += name in self._events
            self._events.setdefault(name, event)
            good.append(event)
        self.refusals += (f"an event was refused: {one['message']}" for one in errors)
        self.duplicates += duplicates
        by.usage.events_this_month += len(good) - duplicates
        if not good:
            raise Refused(400, "All events were rejected", more={"errors": errors})
        self.batches.append(Batch(by.org, by.app, by.token, tuple(good), request.headers))
        return _said(len(good), duplicates, errors)

    def _problem(self, event: Any, place: int, owner: tuple[str, str]) -> tuple[str, str] | None:
        """Return the code and the words for why an event is not taken, if it is not."""
        if problem := problem_of(event, f"events[{place}]"):
            return problem
        for where, words in self._refused:
            if where(event):
                return words
        if self.rejects_duplicates and _name(event, owner) in self._events:
            self.duplicates += 1
            return "duplicate", "Event already exists"
        return None

    def _dated(self, answer: Response) -> Response:
        """Return an answer with the time of the service, by which a client corrects its own."""
        date = formatdate(self.time.seconds(), usegmt=True)
        return Response(answer.status, {**answer.headers, "date": date}, answer.body)


def _owner(request: Request) -> tuple[str, str] | None:
    """Return the organization and the application of a path; nothing of any other path."""
    found = _INGEST.fullmatch(urlsplit(request.target).path)  # a slash in an id is quoted
    return (plain_id(unquote(found["org"])), plain_id(unquote(found["app"]))) if found else None


def _name(event: Event, owner: tuple[str, str]) -> tuple[str, str, UUID]:
    return *owner, UUID(event["event_id"])


def _error(event: Any, place: int, code: str, why: str) -> dict[str, Any]:
    given = event.get("event_id") if isinstance(event, dict) else None
    told = given if is_uuid(given) else _NO_ID
    return {"event_id": told, "index": place, "error": code, "message": why}


def _said(accepted: int, duplicates: int, errors: list[dict[str, Any]]) -> Response:
    told = {"accepted": accepted, "rejected": len(errors), "duplicates": duplicates}
    if errors:
        return Response.json({"status": "partial", **told, "errors": errors}, 207)
    return Response.json({"status": "success", **told, "message": "All events accepted"})


def _data(event: Event) -> Mapping[str, Any]:
    data = event["event"]["data"]
    return data if isinstance(data, dict) else {}


def _likeness(event: Event, type: str, data: Mapping[str, Any]) -> Likeness:
    name, held = event["event"]["type"], _data(event)
    title = f"{name} {short(held)}"
    if name == type:
        return Likeness.of(title, held, data)
    # Further than any event of the type; what its data lacks is then beside the point.
    return Likeness(title, (), len(data) + distance(name, type))
