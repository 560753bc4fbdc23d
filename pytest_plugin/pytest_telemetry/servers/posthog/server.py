"""The fake PostHog: takes events on all its routes, keeps each once, and shows them to tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.likeness import Likeness, distance, holds, items, report, short
from pytest_telemetry.servers.fake import FakeServer
from pytest_telemetry.servers.messages import Response
from pytest_telemetry.servers.posthog import v0, v1
from pytest_telemetry.servers.posthog.answers import Refused, RefusedV1
from pytest_telemetry.servers.posthog.batch import Limits
from pytest_telemetry.servers.posthog.exceptions import EXCEPTION, issues_of, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.servers.messages import Refusal, Request
    from pytest_telemetry.servers.posthog.batch import Batch, Event
    from pytest_telemetry.servers.posthog.exceptions import Issue
    from telemetry_core import Clock

_FLAGS = "/flags"
_OK = {"status": "Ok"}
_SHOWN = 5
_REFUSED = 400
_NO_FLAGS = {"flags": {}, "errorsWhileComputingFlags": False, "requestId": None}


class PostHogServer(FakeServer):
    """Takes events as PostHog does, and makes issues of exceptions as it does.

    :ivar keys: the project keys that are accepted; without any every well-formed one is.
    :ivar limits: what is too large.
    :ivar batches: what each accepted request brought.
    :ivar duplicates: how many events came that were there already.
    :ivar refusals: what was not taken, and why, a line each.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.keys: set[str] = set()
        self.limits = Limits()
        self.batches: list[Batch] = []
        self.duplicates = 0
        self.refusals: list[str] = []
        self._events: dict[str, Event] = {}

    # -- what it has kept

    @property
    def events(self) -> list[Event]:
        """Return every event once, in the order in which they came."""
        return list(self._events.values())

    @property
    def exceptions(self) -> list[Event]:
        """Return every exception, those included of which no issue could be made."""
        return [event for event in self.events if event["event"] == EXCEPTION]

    @property
    def issues(self) -> list[Issue]:
        """Return the issues that the exceptions make, in the order in which they began."""
        return issues_of(self.events)

    def assert_event(self, name: str, /, **properties: Any) -> Event:
        """Return the latest event of a name with these properties; fail, showing the nearest."""
        __tracebackhide__ = True
        if found := self._find(name, properties):
            return found
        likenesses = [_likeness(event, name, properties) for event in self.events]
        lines = [report(f"{name} with {items(properties)}", "event", likenesses)]
        raise AssertionError("\n  refused: ".join(lines + self.refusals[-_SHOWN:]))

    def assert_no_event(self, name: str, /, **properties: Any) -> None:
        """Fail, showing it, when there is an event of a name with these properties."""
        __tracebackhide__ = True
        if found := self._find(name, properties):
            raise AssertionError(f"an event {name} came: {short(found['properties'])}")

    def _find(self, name: str, properties: Mapping[str, Any]) -> Event | None:
        for event in reversed(self.events):
            if event["event"] == name and holds(event["properties"], properties):
                return event
        return None

    # -- the protocol

    def respond(
        self, request: Request, ended: Callable[[], bool], patience: float | None = None
    ) -> Response:
        """Return the answer that all faults leave, and keep of it why something was not taken."""
        answer = super().respond(request, ended, patience)
        if answer.status >= _REFUSED:
            why = answer.body.decode("utf-8", "replace")
            self.refusals.append(f"{answer.status} {request} {why}".strip())
        return answer

    def handle(self, request: Request) -> Response:
        """Take what a request brings; raises the refusal of what is not taken."""
        path = _path(request)
        if path == _FLAGS:
            return Response.json(_NO_FLAGS)
        if path not in (v1.PATH, *v0.PATHS):
            return Response(404)
        if request.method != "POST":
            return Response(405, {"allow": "POST"})
        if path == v1.PATH:
            batch, results = v1.read(request, self.limits, self.keys)
            self._keep(batch)
            dropped = (one["details"] for one in results.values() if "details" in one)
            self.refusals += (f"an event was dropped: {why}" for why in dropped)
            return Response.json({"results": results})
        self._keep(v0.read(request, path, self.limits, self.keys))
        return Response(204) if request.query.get("beacon") == "1" else Response.json(_OK)

    def records(self, request: Request) -> list[Event]:
        """Return the events that a request brings."""
        path = _path(request)
        if path == v1.PATH:
            return v1.carried(request)
        return v0.carried(request, path) if path in v0.PATHS else []

    def fault_answer(self, refusal: Refusal, request: Request) -> Response:
        """Return a refusal as the protocol of the request would say it."""
        why, status = str(refusal), refusal.response.status
        newer = _path(request) == v1.PATH
        words = RefusedV1(status, "error", why) if newer else Refused(status, why)
        return refusal.saying(words.response)

    def _keep(self, batch: Batch) -> None:
        self.batches.append(batch)
        for event in batch.events:
            if event["uuid"] in self._events:
                self.duplicates += 1
            else:
                self._events[event["uuid"]] = judged(event)


def _path(request: Request) -> str:
    return request.path.rstrip("/")


def _likeness(event: Event, name: str, properties: Mapping[str, Any]) -> Likeness:
    title = f"{event['event']} {short(event['properties'])}"
    if event["event"] == name:
        return Likeness.of(title, event["properties"], properties)
    # Further than any event of the name; what its properties lack is then beside the point.
    return Likeness(title, (), len(properties) + distance(event["event"], name))
