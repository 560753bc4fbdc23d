"""Pages of runs and of events, read one after the other, from either kind of service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from telemetry_http_api.address import RUNS, run_path
from telemetry_http_api.answers import ask, value_of
from telemetry_http_api.calling import SERVICE
from telemetry_http_api.errors import APIError
from telemetry_http_api.rows import complete
from telemetry_http_api.words import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telemetry_core.sending import Answer
    from telemetry_http_api.calling import Channel
    from telemetry_http_api.filtering import RunFilter

MOST = 1000  # of one page, says the service
WITHIN = 10.0
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')

Place = str | int  # a cursor of our service, or an offset


class Listed(NamedTuple):
    """One page: its rows, and the place of the next one when there is one."""

    rows: list[dict[str, Any]]
    next: Place | None


def page_of_runs(
    channel: Channel,
    which: RunFilter,
    limit: int,
    place: Place | None = None,
    more: Mapping[str, str] | None = None,
) -> Listed:
    """Return the runs from a place on, the newest first, as far as one answer holds them."""
    asked: dict[str, Any] = {**which.parameters(), **(more or {}), "limit": min(limit, MOST)}
    asked |= {} if place is None else {"after" if isinstance(place, str) else "offset": place}
    answer = ask(channel, "GET", f"{RUNS}?{urlencode(asked)}", within=WITHIN)
    rows = _rows(answer, "the runs")
    found = [complete(row) for row in rows if which.holds(row)]
    if is_ours(answer):
        return Listed(found, _cursor(answer))
    begun = place if isinstance(place, int) else 0
    return Listed(found, begun + len(rows) if len(rows) == asked["limit"] else None)


def every_run(
    channel: Channel,
    which: RunFilter,
    most: int,
    place: Place | None = None,
    more: Mapping[str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Give runs, the newest first, until there are no more or so many rows were looked at."""
    pages = -(-most // MOST)
    for _ in range(pages):
        page = page_of_runs(channel, which, min(most, MOST), place, more)
        yield from page.rows
        place = page.next
        if place is None:
            return


def page_of_events(channel: Channel, id: str, limit: int, place: str | None) -> Listed:
    """Return the events of a run from a place on; none where the service has no place for them."""
    asked = {"limit": str(min(limit, MOST))} | ({} if place is None else {"after": place})
    path = f"{run_path(id)}/events?{urlencode(asked)}"
    answer = ask(channel, "GET", path, within=WITHIN)
    if is_missing(answer):
        return Listed([], None)
    return Listed(_rows(answer, f"the events of {id}"), _cursor(answer))


def is_ours(answer: Answer) -> bool:
    """Tell whether our own service answered."""
    return SERVICE in answer.headers


def _rows(answer: Answer, what: str) -> list[dict[str, Any]]:
    rows = value_of(answer, what)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise APIError(f"{what}: the answer is no list of them; check the URL")
    return rows


def _cursor(answer: Answer) -> str | None:
    link = _NEXT.search(answer.headers.get("link", ""))
    if link is None:
        return None
    return next(iter(parse_qs(urlsplit(link[1]).query).get("after", ())), None)
