"""Answers as our run service does what only looks; what writes stands in `writing`."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define

from pytest_telemetry.servers.messages import Response
from pytest_telemetry.servers.runs import asking, bodies
from pytest_telemetry.servers.runs.answers import run_not_found
from pytest_telemetry.servers.runs.book import shown
from pytest_telemetry.servers.runs.links import commit_url, repo_url
from pytest_telemetry.servers.runs.routing import OUR_ROUTES, Route
from telemetry_core import __version__, iso8601

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from pytest_telemetry.servers.messages import Request
    from pytest_telemetry.servers.runs.book import Book, Run
    from telemetry_core import Clock

    # What a test has refused of itself: the code and the reason, or nothing.
    Refuses: TypeAlias = Callable[[Any], "tuple[str, str] | None"]

_DAY = 86_400 * 10**9


@define(frozen=True)
class Asked:
    """A request on its way to its answer: which run it names, what it carries, who asks."""

    request: Request
    id: str = ""
    body: Any = None
    known: bool = True  # whether it has a token, or none is wanted

    @property
    def of_ours(self) -> bool:
        """Whether a client asks that can make use of what the protocol does not know."""
        return "x-telemetry-client" in self.request.headers


def _begins(run: Run, beginning: str) -> bool:
    return any(run[name].startswith(beginning) for name in ("event_id", "run_id"))


class Reading:
    """One method for each kind of request; each returns an answer or raises the refusal."""

    routes: ClassVar[tuple[Route, ...]] = OUR_ROUTES
    headers: ClassVar[Mapping[str, str]] = {
        "x-telemetry-service": f"telemetry-run-service/{__version__}"
    }
    version: ClassVar = __version__
    slashes: ClassVar = True  # an id may have some
    careless: ClassVar = False

    def __init__(self, book: Book, clock: Clock, refuses: Refuses) -> None:
        self.book = book
        self.clock = clock
        self.refuses = refuses
        self.now = ""  # one moment for all that a request brings
        self.names_are_known = False

    def answer(self, name: str, asked: Asked) -> Response:
        """Return the answer to one kind of request."""
        self.now = iso8601(self.clock.time_ns())
        answer: Response = getattr(self, name)(asked)
        return answer

    # -- one run

    def one(self, asked: Asked) -> Response:
        """Show a run."""
        return Response.json(self.shown(self.found(asked.id), asked))

    def commit_url(self, asked: Asked) -> Response:
        """Say where the commit of a run can be seen."""
        url = commit_url(self.found(asked.id), careless=self.careless)
        return Response.json({"commit_url": url})

    def repo_url(self, asked: Asked) -> Response:
        """Say where the repository of a run can be seen."""
        return Response.json({"repo_url": repo_url(self.found(asked.id), careless=self.careless)})

    def shown(self, run: Run, asked: Asked) -> dict[str, Any]:
        """Return a run as this client is shown it."""
        return shown(run, careless=self.careless, whole=asked.of_ours)

    def found(self, id: str) -> Run:
        """Return the run of an event id; raises the refusal of one that is not there."""
        if id not in self.book.runs:
            raise run_not_found(id)
        return self.book.runs[id]

    # -- many runs

    def query(self, asked: Asked) -> Response:
        """List the runs that are asked for, the newest first."""
        query = asked.request.query
        page = bodies.COUNTED_PAGE.read(query, ("query",))
        found = self.book.chosen(asking.conditions(query))
        if beginning := query.get("id_prefix"):  # of which there is one page, as they came
            found = sorted(found, key=itemgetter("id"))
            page["offset"] = 0
            found = [run for run in found if _begins(run, beginning)][: page["limit"]]
            query = {}
        headers = {"x_total_count": str(len(found))} if page["total"] else {}
        rest = asking.after(found, query, "created_at")[page["offset"] :]
        rows = rest[: page["limit"]]
        if len(rows) < len(rest):
            headers["link"] = asking.link(asked.request, rows[-1], "created_at")
        return Response.json([self.shown(run, asked) for run in rows], 200, **headers)

    def events(self, asked: Asked) -> Response:
        """List the events of a run, the first one first."""
        page = bodies.PAGE.read(asked.request.query, ("query",))
        run = self.book.with_id(asked.id)
        if run is None:
            raise run_not_found(asked.id)
        events = self.book.events_of(run["run_id"])
        rest = asking.after(events, asked.request.query, "timestamp")
        rows = rest[: page["limit"]]
        more = len(rows) < len(rest)
        headers = {"link": asking.link(asked.request, rows[-1], "timestamp")} if more else {}
        return Response.json(rows, 200, **headers)

    # -- the service

    def health(self, asked: Asked) -> Response:
        """Say that it is well."""
        told = {"status": "ok", "version": self.version, "db_path": self._path(asked)}
        return Response.json({**told, "journal_mode": "DELETE", "synchronous": "FULL"})

    def metrics(self, asked: Asked) -> Response:
        """Say how many runs there are."""
        runs = self.book.runs.values()
        agents = dict(Counter(run["agent_name"] for run in runs).most_common())
        told = {"total_runs": len(runs), "agents": agents, "recent_24h": self.recent()}
        performance = {"db_path": self._path(asked), "journal_mode": "DELETE"}
        more = self._figures() if asked.of_ours else {}
        return Response.json({**told, "performance": performance, **more})

    def _figures(self) -> dict[str, Any]:
        ended = [run for run in self.book.runs.values() if run["status"] != "running"]
        by_status = Counter(run["status"] for run in self.book.runs.values())
        return {
            "by_status": by_status,
            "pending_api_posts": sum(not run["api_posted"] for run in ended),
        }

    def recent(self) -> int:
        """Return how many runs were created within a day."""
        since = iso8601(self.clock.time_ns() - _DAY)
        return sum(run["created_at"] >= since for run in self.book.runs.values())

    def metadata(self, asked: Asked) -> Response:  # noqa: ARG002 - as all the others
        """Say which agents and jobs there are."""
        runs = self.book.runs.values()
        names = {
            f"{field}s": sorted({run[field] for run in runs})
            for field in ("agent_name", "job_type")
        }
        counts = {name: len(found) for name, found in names.items()}
        hit, self.names_are_known = self.names_are_known, True
        return Response.json({**names, "counts": counts, "cache_hit": hit})

    def _path(self, asked: Asked) -> str | None:
        return ":memory:" if asked.known else None
