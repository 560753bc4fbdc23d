"""Asks a run service for runs, events and figures, as others ask a database; never writes."""

from __future__ import annotations

import re
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from telemetry_core import SystemClock, figures_of, get_logger, iso8601, parse_iso8601
from telemetry_http_api.address import run_path
from telemetry_http_api.answers import ask, value_of
from telemetry_http_api.errors import AmbiguousIdError
from telemetry_http_api.filtering import EVERY_RUN, RunFilter
from telemetry_http_api.listing import (
    MOST,
    WITHIN,
    Place,
    every_run,
    is_ours,
    page_of_events,
    page_of_runs,
)
from telemetry_http_api.rows import complete, counted, parsed, run_of
from telemetry_http_api.words import is_missing

if TYPE_CHECKING:
    from telemetry_core import RunRecord
    from telemetry_http_api.calling import Channel
    from telemetry_http_api.following import Follower

_log = get_logger("telemetry_core.http_api")

_COUNTED = 20_000  # runs that figures are computed from
_SEARCHED = 5_000  # runs that are looked through for an id
_DAY_NS = 86_400 * 1_000_000_000
_DATED = re.compile(r"(\d{4})(\d{2})(\d{2})(T\d{6}Z-)?")


@define(frozen=True)
class Page:
    """Some rows, and the place after which the next ones come, if any do."""

    rows: list[dict[str, Any]] = field(factory=list)
    next: Place | None = None


class RunsOverHttp:
    """Reads the runs of a service; each call is one request or a few, from any thread.

    A row is a dictionary with every field of a run by its name. What keeps the service from
    answering is raised as `APIUnavailableError`, what it will not answer as another `APIError`.
    """

    where = RunFilter  # for those who were given the store and do not know this module

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        weakref.finalize(self, channel.close)

    def list_runs(
        self,
        which: RunFilter = EVERY_RUN,
        *,
        limit: int = 100,
        offset: int = 0,
        after: Place | None = None,
        by: str = "created_at",
    ) -> Page:
        """Return runs, the newest first.

        :param after: the `next` of the page before; unlike `offset` it costs the same on any page.
        :param by: what makes a run new. The service knows `created_at` only; by `start_time` the
            rows of one page are put in order here.
        """
        rows: list[dict[str, Any]] = []
        place = after if after is not None else offset or None
        while True:
            page = page_of_runs(self._channel, which, limit - len(rows), place)
            rows += page.rows
            place = page.next
            if place is None or len(rows) >= limit:
                break
        if by == "start_time":
            rows.sort(key=lambda row: str(row["start_time"]), reverse=True)
        return Page(rows, place)

    def get_run(self, id: str) -> RunRecord | None:
        """Return the run of this event id or run id; of several with one run id the newest."""
        found = self._exactly(id)
        return None if found is None else run_of(found)

    def find_run(self, id: str) -> dict[str, Any] | None:
        """Return the row that `get_run` would, or the only one whose id begins so.

        Raises `AmbiguousIdError` when several ids begin like this.
        """
        return self._exactly(id) or (self._beginning_with(id) if id else None)

    def list_events(self, run_id: str, *, limit: int = 1000, after: str | None = None) -> Page:
        """Return the events of a run in the order in which they happened."""
        rows: list[dict[str, Any]] = []
        place = after
        while len(rows) < limit:
            page = page_of_events(self._channel, run_id, limit - len(rows), place)
            rows += page.rows
            place = page.next if isinstance(page.next, str) else None
            if place is None:
                break
        for row in rows:
            for name in ("payload_json", "context_json"):
                row[name] = parsed(row.get(name))
        return Page(rows, place)

    def children(self, run_id: str, *, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the runs that this run started, the first one first."""
        rows = [*every_run(self._channel, RunFilter(parent_run_id=run_id), max(limit, _SEARCHED))]
        rows.sort(key=lambda row: str(row["start_time"]))
        return rows[:limit]

    def get_stats(self, now_ns: int | None = None) -> dict[str, Any]:
        """Return total_runs, by_status, agents, recent_24h, pending_api_posts and the timestamp.

        The reference service does not count by status; there it is counted here, and left empty
        where there are too many runs for that.
        """
        answer = ask(self._channel, "GET", "/metrics", within=WITHIN)
        told = value_of(answer, "the figures")
        total = int(told.get("total_runs", 0))
        by_status = told.get("by_status")
        if by_status is None and total <= _SEARCHED:
            rows = every_run(self._channel, EVERY_RUN, _SEARCHED)
            by_status = dict(Counter(row["status"] for row in rows).most_common())
        return {
            "total_runs": total,
            "by_status": by_status or {},
            "agents": told.get("agents", {}),
            "recent_24h": told.get("recent_24h", 0),
            "pending_api_posts": told.get("pending_api_posts", 0),
            "timestamp": iso8601(SystemClock.time_ns() if now_ns is None else now_ns),
        }

    def figures(self, which: RunFilter = EVERY_RUN) -> dict[str, Any]:
        """Return how often and how well what was run, and how long it took; see `figures_of`.

        They are computed here, from the newest 20,000 runs at most.
        """
        figures = figures_of(map(counted, every_run(self._channel, which, _COUNTED)))
        if figures["runs"] >= _COUNTED:
            _log.warning(
                "the figures are of the newest %s runs; ask for less time", f"{_COUNTED:,}"
            )
        return figures

    def agent_names(self) -> dict[str, int]:
        """Return every agent with the number of its runs, the busiest first."""
        told = value_of(ask(self._channel, "GET", "/metrics", within=WITHIN), "the figures")
        agents: dict[str, int] = told.get("agents", {})
        return agents

    def job_types(self) -> dict[str, int | None]:
        """Return every job by its name; how many runs it has is not known to the service."""
        answer = ask(self._channel, "GET", "/api/v1/metadata", within=WITHIN)
        return dict.fromkeys(value_of(answer, "the names").get("job_types", ()))

    def follow(self, which: RunFilter = EVERY_RUN) -> Follower:
        """Return what gives new and changed runs whenever it is asked, from now on."""
        from telemetry_http_api.following import Follower

        return Follower(self, which)

    def ids_beginning(self, beginning: str, *, limit: int = 50) -> list[str]:
        """Return run ids that begin so, the last in their order first, as a database does."""
        ids = {row["run_id"] for row in self._perhaps(beginning, MOST)}
        return sorted((one for one in ids if one.startswith(beginning)), reverse=True)[:limit]

    def row_of(self, event_id: str) -> dict[str, Any] | None:
        """Return the row of this event id."""
        answer = ask(self._channel, "GET", run_path(event_id), within=WITHIN)
        if is_missing(answer):
            return None
        return complete(value_of(answer, f"the run {event_id}"))

    def _exactly(self, id: str) -> dict[str, Any] | None:
        if not id:
            return None
        answer = ask(self._channel, "GET", run_path(id), within=WITHIN)
        if not is_missing(answer):
            return complete(value_of(answer, f"the run {id}"))
        which = RunFilter(run_id=id)
        if not is_ours(answer):  # which knows no such filter, so all that may be it are read
            which = evolve(_around(id), run_id=id)
        return next(every_run(self._channel, which, _SEARCHED), None)

    def _beginning_with(self, beginning: str) -> dict[str, Any] | None:
        found = {
            row["event_id"]: row
            for row in self._perhaps(beginning, _SEARCHED)
            if row["event_id"].startswith(beginning) or row["run_id"].startswith(beginning)
        }
        if len(found) > 1:
            some = ", ".join(sorted(row["run_id"] for row in found.values())[:3])
            raise AmbiguousIdError(f"several runs begin with {beginning!r}: {some}; say more of it")
        return next(iter(found.values()), None)

    def _perhaps(self, beginning: str, most: int) -> Any:
        """Give runs among which are those whose id begins so, unless they are old."""
        more = {"id_prefix": beginning}
        return every_run(self._channel, _around(beginning), most, more=more)


def _around(id: str) -> RunFilter:
    """Return which runs an id may be of, where it begins with the day of its run."""
    dated = _DATED.match(id)
    if dated is None:
        return EVERY_RUN
    try:
        day = parse_iso8601("-".join(dated.groups()[:3]))
    except (ValueError, OverflowError):
        return EVERY_RUN
    before, after = day - _DAY_NS, day + 2 * _DAY_NS
    return RunFilter(start_time_from=iso8601(before), start_time_to=iso8601(after))
