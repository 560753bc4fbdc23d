"""The fake run service: checks in the order of the real one, a memory, and what tests look at."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_telemetry.likeness import Likeness, holds, items, report
from pytest_telemetry.servers.fake import FakeServer
from pytest_telemetry.servers.messages import Refusal, Request, Response
from pytest_telemetry.servers.runs.answers import BrokenOffError, Problem, Refused, refused_for
from pytest_telemetry.servers.runs.bodies import NOTHING_SENT
from pytest_telemetry.servers.runs.book import BLANK, Book
from pytest_telemetry.servers.runs.reading import Asked
from pytest_telemetry.servers.runs.reference import ReferenceApi
from pytest_telemetry.servers.runs.routing import Route, redirected, route_for, segments_of
from pytest_telemetry.servers.runs.writing import Api
from telemetry_core import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.servers.runs.book import Event, Run
    from telemetry_core import Clock

_SPAN = 60.0  # seconds in which requests are counted
_WRONG_HEADER = "{} Use: Authorization: Bearer <token>"


class RunsServer(FakeServer):
    """Answers as the run service does, over runs and events in memory.

    :ivar reference: answers as the service of the original project does instead.
    :ivar tokens: those that are accepted; without any nobody needs one.
    :ivar auth_reads: reading needs a token, too.
    :ivar rate_limit_rpm: how many requests are answered in a minute; any number without.
    :ivar max_body_bytes: the largest body that is taken.
    """

    def __init__(self, clock: Clock | None = None, *, reference: bool = False) -> None:
        super().__init__(clock)
        self.reference = reference
        self.tokens: set[str] = set()
        self.auth_reads = False
        self.rate_limit_rpm: int | None = None
        self.max_body_bytes = 16 * 1024 * 1024
        self._book = Book()
        self._refused: list[tuple[Callable[[Any], object], tuple[str, str]]] = []
        self._time: Clock = clock or SystemClock()
        self._passed: deque[float] = deque()
        self._ours = Api(self._book, self._time, self._refuses)
        self._theirs = ReferenceApi(self._book, self._time, self._refuses)

    @property
    def max_batch(self) -> int:
        """The most runs or records that one request brings."""
        return self._ours.max_batch

    @max_batch.setter
    def max_batch(self, most: int) -> None:
        self._ours.max_batch = most

    # -- what it has stored

    @property
    def runs(self) -> dict[str, Run]:
        """Return every run by its event id, in the order in which they came."""
        return self._book.runs

    @property
    def events(self) -> list[Event]:
        """Return every event in the order in which they came."""
        return list(self._book.events.values())

    def run(self, id: str) -> Run:
        """Return the run of an event id or a run id; fails when there is none."""
        __tracebackhide__ = True
        if found := self._book.with_id(id):
            return found
        known = ", ".join(self.runs) or "none"
        raise AssertionError(f"no run has the id {id!r}; stored: {known}")

    def assert_run(self, agent_name: str | None = None, **fields: Any) -> Run:
        """Return the latest run with these fields; fail, showing the nearest, when there is none."""
        __tracebackhide__ = True
        if agent_name is not None:
            fields = {"agent_name": agent_name, **fields}
        if unknown := sorted(fields.keys() - {"id", *BLANK}):
            raise TypeError(f"a run has no field {', '.join(unknown)}")
        for run in reversed(self.runs.values()):
            if holds(run, fields):
                return run
        likenesses = [Likeness.of(run["run_id"], run, fields) for run in self.runs.values()]
        raise AssertionError(report(f"with {items(fields)}", "run", likenesses))

    def refuse(
        self,
        where: Callable[[Any], object],
        code: str = "constraint",
        reason: str = "it is refused on request",
    ) -> None:
        """Refuse each run or record for which `where` is true, and take the others of a request.

        Unlike `reject`, which refuses the request: so a service answers whose database does not
        take a row.
        """
        self._refused.append((where, (code, reason)))

    def _refuses(self, body: Any) -> tuple[str, str] | None:
        return next((words for where, words in self._refused if where(body)), None)

    # -- the protocol

    def handle(self, request: Request) -> Response:
        """Answer a request of any kind."""
        api = self._theirs if self.reference else self._ours
        try:
            answer = self._answered(request, api)
        except (Refused, BrokenOffError) as refusal:
            answer = refusal.response
        except Refusal as refusal:
            answer = self.fault_answer(refusal, request)
        return Response(answer.status, {**answer.headers, **api.headers}, answer.body)

    def fault_answer(self, refusal: Refusal, request: Request) -> Response:  # noqa: ARG002
        """Return a refusal in the words of this service."""
        return refusal.saying(Refused(refusal.response.status, str(refusal)).response)

    def records(self, request: Request) -> list[Any]:
        """Return the runs or the records that a request brings; of a change what it changes."""
        if request.method not in {"POST", "PATCH"}:
            return []
        body = request.json()
        for name in ("records", "runs"):
            if isinstance(body, dict) and isinstance(body.get(name), list):
                return list(body[name])
        return body if isinstance(body, list) else [body]

    def _answered(self, request: Request, api: Api) -> Response:
        segments = segments_of(request.target, slashes=api.slashes)
        if path := redirected(request.target, segments, api.routes):
            base = f"{urlsplit(self._url or 'http:').scheme}://{request.headers.get('host', '')}"
            return Response(307, {"location": f"{base}{path}"})
        route = route_for(request.method, segments, api.routes)
        body = self._body(request) if route.method != "GET" else None
        known = self._is_known(request, route)
        self._count(route)
        key = next(
            (s for s, part in zip(segments, route.pattern, strict=True) if part == "{id}"), ""
        )
        return api.answer(route.name, Asked(request, key, body, known))

    def _body(self, request: Request) -> Any:
        """Return the JSON in a body; what is no JSON by its type is a text."""
        if len(request.body) > self.max_body_bytes and not self.reference:
            raise Refused(413, f"The body is larger than {self.max_body_bytes} bytes")
        content = request.body if self.reference else request.content()
        if len(content) > self.max_body_bytes and not self.reference:
            raise Refused(413, f"Unpacked the body is larger than {self.max_body_bytes} bytes")
        if not content:
            return NOTHING_SENT
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
        if not (kind == "application/json" or kind.endswith("+json")):
            return content.decode("utf-8", "replace")
        return _read_json(content)

    def _is_known(self, request: Request, route: Route) -> bool:
        """Tell whether the one who asks has a token; raises the refusal where one is wanted."""
        why = self._why_unknown(request.headers) if self.tokens else ""
        strict = self.auth_reads and not self.reference and not route.open
        if why and (route.guarded or strict):
            raise Refused(401, why, www_authenticate="Bearer")
        return not why or self.reference

    def _why_unknown(self, headers: Mapping[str, str]) -> str:
        given = headers.get("authorization", "")
        if not given:
            return _WRONG_HEADER.format("Authorization header required.")
        scheme, *rest = given.split() or [""]
        if len(rest) != 1 or scheme.lower() != "bearer":
            return _WRONG_HEADER.format("Invalid authorization format.")
        return "" if rest[0] in self.tokens else "Invalid authentication token"

    def _count(self, route: Route) -> None:
        """Count a request; raises the refusal of one too many."""
        limit = self.rate_limit_rpm
        if limit is None or not route.counted:
            return
        now = self._time.monotonic()
        while self._passed and self._passed[0] <= now - _SPAN:
            self._passed.popleft()
        if len(self._passed) >= limit:
            headers = {"retry_after": "60", "x_ratelimit_remaining": "0"}
            words = f"Rate limit exceeded. Max {limit} requests per minute."
            raise Refused(429, words, x_ratelimit_limit=str(limit), **headers)
        self._passed.append(now)


def _read_json(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Refused(400, "There was an error parsing the body") from None
    except json.JSONDecodeError as error:
        where, why = error.pos, error.msg
    except (ValueError, RecursionError) as error:
        where, why = 0, str(error)
    words = "JSON decode error"
    raise refused_for([Problem("json_invalid", ("body", where), words, {}, {"error": why})])


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
