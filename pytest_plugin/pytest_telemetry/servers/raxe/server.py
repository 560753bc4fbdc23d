"""The fake RAXE: which request means what, what becomes of events, and what tests look at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pytest_telemetry.likeness import Likeness, distance, holds, items, report, short
from pytest_telemetry.servers.fake import FakeServer
from pytest_telemetry.servers.messages import Refusal, Request, Response
from pytest_telemetry.servers.raxe import situations
from pytest_telemetry.servers.raxe.accounts import Account, Accounts, key_id_of
from pytest_telemetry.servers.raxe.answers import Refused, private
from pytest_telemetry.servers.raxe.console import Console
from pytest_telemetry.servers.raxe.events import problem_of
from pytest_telemetry.servers.raxe.health import health
from pytest_telemetry.servers.raxe.privacy import violation_in
from pytest_telemetry.servers.raxe.reading import Batch, Limits, carried, read
from pytest_telemetry.servers.times import ServiceTime
from telemetry_core import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_telemetry.servers.raxe.events import Event
    from telemetry_core import Clock

_TELEMETRY = "/v1/telemetry"
_LATE = 60.0  # seconds: no client waits as long
_LINK_CODE = "RAXE01"
_EVENT = re.compile(r"/api/events/(?P<id>\w+)")


class RaxeServer(FakeServer):
    """Takes events as RAXE does, and tells keys what they are allowed.

    :ivar keys: a key for each situation that a client can be in.
    :ivar accounts: what keys are allowed and have used, by key; offline-minted ones come by themselves.
    :ivar console: where owners sign their clients in; it gives the key `pro`.
    :ivar time: its clock; `time.ahead` is by how many seconds it differs from the test's.
    :ivar limits: how much one request brings.
    :ivar batches: what each request brought that was taken, at least in part.
    :ivar duplicates: how many events came that were there already.
    :ivar partial: how a batch of which a part is rejected is answered, 207 or 202.
    :ivar names_offender: the refusal of what is private says which event it was.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.time = ServiceTime(clock or SystemClock())
        self.keys = situations.keys()
        self.accounts = Accounts(self.time)
        situations.seed(self.accounts, self.keys)
        owned = self.keys["pro"]
        self.console = Console(owned, {_LINK_CODE: owned}, self.time, self._scans_of)
        self.late = situations.Late(self.keys["slow"], _LATE)
        self.habits = [self.late]
        self.limits = Limits()
        self.batches: list[Batch] = []
        self.duplicates = 0
        self.partial: Literal[202, 207] = 207
        self.names_offender = True
        self._events: dict[str, tuple[str, Event]] = {}
        self._refused: list[tuple[Callable[[Event], object], tuple[str, str]]] = []

    # -- what it has kept

    @property
    def events(self) -> list[Event]:
        """Return every event once, in the order in which they came."""
        return [event for _, event in self._events.values()]

    def assert_event(self, type: str, /, **payload: Any) -> Event:
        """Return the latest event of a type with this in its payload; fail, showing the nearest."""
        __tracebackhide__ = True
        for event in reversed(self.events):
            if event["event_type"] == type and holds(event["payload"], payload):
                return event
        likenesses = [_likeness(event, type, payload) for event in self.events]
        raise AssertionError(report(f"{type} with {items(payload)}", "event", likenesses))

    def refuse(
        self,
        where: Callable[[Event], object],
        code: str = "EVT_001",
        reason: str = "it is refused on request",
    ) -> None:
        """Reject each event for which `where` is true, and take the others of its request.

        Unlike `reject`, which refuses the request.
        """
        self._refused.append((where, (code, reason)))

    # -- the protocol

    def handle(self, request: Request) -> Response:
        """Answer a request of any kind."""
        if answer := self.console.answer(request, self._origin(request)):
            return answer
        match request.method, request.path.rstrip("/"):
            case "POST", "/v1/telemetry":
                return self._take(self._read(request))
            case "POST", "/v1/telemetry/dry-run":
                return self._try(self._read(request))
            case "GET", "/v1/health":
                account = self._admitted(request)
                came = [event for key, event in self._events.values() if key == account.key]
                return Response.json(health(account, came))
            case "GET", path if found := _EVENT.fullmatch(path):
                return self._shown(request, found["id"])
            case _, "/v1/telemetry" | "/v1/telemetry/dry-run":
                raise Refused(405, "only POST is taken here", allow="POST")
        raise Refused(404, f"nothing is at {request.path}")

    def records(self, request: Request) -> list[Event]:
        """Return the events that a request brings."""
        return carried(request) if request.path.startswith(_TELEMETRY) else []

    def fault_answer(self, refusal: Refusal, request: Request) -> Response:  # noqa: ARG002
        """Return a refusal in the words of this service."""
        return refusal.saying(Refused(refusal.response.status, str(refusal)).response)

    def _admitted(self, request: Request) -> Account:
        account = self.accounts.of(request)
        account.admit(request.path, self._origin(request))
        return account

    def _read(self, request: Request) -> Batch:
        """Return what a request brings, after all checks that refuse it as a whole."""
        account = self._admitted(request)
        batch = read(request, account.key, self.limits)
        account.admit_events(self._origin(request))
        for place, event in enumerate(batch.events):
            if found := violation_in(event):
                where = f"events[{place}].{found.place}" if self.names_offender else found.place
                raise private(found.code, where)
        return batch

    def _take(self, batch: Batch) -> Response:
        """Keep the events that are good and new, and say what became of each."""
        rejected = self._rejected(batch.events)
        names = {one["event_id"] for one in rejected}
        good = [event for event in batch.events if event["event_id"] not in names]
        new = {event["event_id"]: event for event in good if event["event_id"] not in self._events}
        self._events |= {name: (batch.key, event) for name, event in new.items()}
        self.accounts[batch.key].events_today += len(new)
        self.duplicates += len(good) - len(new)
        self.batches.append(batch)
        told = {
            "status": "partial" if rejected else "ok",
            "batch_id": batch.id,
            "accepted": len(new),
            "rejected": len(rejected),
            "duplicates": len(good) - len(new),
            "server_time": self.time.now(),
        }
        if not rejected:
            return Response.json(told)
        if self.partial == 202:  # noqa: PLR2004 - the older of two shapes
            errors = [{**one, "message": one["error"]} for one in rejected]
            return Response.json({**told, "errors": errors, "processing_time_ms": 1}, 202)
        return Response.json({**told, "rejected_events": rejected}, 207)

    def _try(self, batch: Batch) -> Response:
        """Say what would become of events."""
        rejected = self._rejected(batch.events)
        return Response.json(
            {
                "status": "dry_run",
                "batch_id": batch.id,
                "would_accept": len(batch.events) - len(rejected),
                "would_reject": len(rejected),
                "validation_errors": rejected,
                "note": "Nothing was stored.",
            }
        )

    def _rejected(self, events: Sequence[Event]) -> list[dict[str, str]]:
        """Return which events are not taken, and why."""
        found = ((event, self._problem(event)) for event in events)
        return [
            {"event_id": event["event_id"], "error": problem[1], "code": problem[0]}
            for event, problem in found
            if problem
        ]

    def _problem(self, event: Event) -> tuple[str, str] | None:
        """Return the code and the words for what is wrong with an event, if anything is."""
        if why := problem_of(event):
            return "EVT_001", why
        return next((words for where, words in self._refused if where(event)), None)

    def _shown(self, request: Request, name: str) -> Response:
        """Return an event as its owner looks at it."""
        account = self._admitted(request)
        key, event = self._events.get(name, (account.key, None))
        if event is None or key != account.key:
            raise Refused(404, "Event not found")
        return Response.json({**event["payload"], **event})

    def _scans_of(self, key_id: str) -> int:
        kinds = (
            event["event_type"] for key, event in self._events.values() if key_id_of(key) == key_id
        )
        return list(kinds).count("scan")

    def _origin(self, request: Request) -> str:
        """Return the address that the client knows, whose console is there, too."""
        return f"{urlsplit(self._url or 'http:').scheme}://{request.headers.get('host', '')}"


def _likeness(event: Event, type: str, payload: Mapping[str, Any]) -> Likeness:
    title = f"{event['event_type']} {short(event['payload'])}"
    if event["event_type"] == type:
        return Likeness.of(title, event["payload"], payload)
    # Further than any event of the type; what its payload lacks is then beside the point.
    return Likeness(title, (), len(payload) + distance(event["event_type"], type))
