"""Reads what a list of runs is asked for: filters, pages, and where the next one begins."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from operator import ge, gt, itemgetter, le, lt
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from pytest_telemetry.servers.runs import values
from pytest_telemetry.servers.runs.answers import Refused
from pytest_telemetry.servers.runs.bodies import ALIASES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from pytest_telemetry.servers.messages import Request

    Row: TypeAlias = dict[str, Any]
    Condition: TypeAlias = Callable[[Row], bool]

TIMES = {
    "created_before": ("created_at", lt),
    "created_after": ("created_at", gt),
    "start_time_from": ("start_time", ge),
    "start_time_to": ("start_time", le),
}
_LOST_PLUS = re.compile(r"(\d\d:\d\d\S*) (\d\d:?\d\d)")  # nobody quoted it, and it came as a blank
_EXACT = ("agent_name", "job_type", "run_id", "parent_run_id")


def conditions(query: Mapping[str, str]) -> list[Condition]:
    """Return what the runs have to meet; raises the refusal of a filter that means nothing."""
    wanted = {name: query[name] for name in _EXACT if query.get(name)}
    if query.get("status"):
        wanted["status"] = status_of(query["status"])
    found = [equals(name, value) for name, value in wanted.items()]
    for name, (column, compare) in TIMES.items():
        if query.get(name):
            found.append(compares(column, compare, _time(name, query[name])))
    return found


def status_of(given: str) -> str:
    """Return the canonical word for a status; raises the refusal when there is none."""
    word = ALIASES.get(given, given)
    if word not in STATUSES:
        raise Refused(400, f"Invalid status. Must be one of: {list(STATUSES)}")
    return word


def _time(name: str, given: str) -> str:
    found = values.in_utc(_LOST_PLUS.sub(r"\1+\2", given))
    if found is None:
        raise Refused(400, f"Invalid ISO8601 timestamp for {name}: {given!r}")
    return found


def equals(name: str, value: str) -> Condition:
    """Return what runs meet that have this value."""
    return lambda run: bool(run[name] == value)


def compares(column: str, compare: Callable[[str, str], bool], moment: str) -> Condition:
    """Return what runs meet whose time is so to a moment."""
    return lambda run: compare(run[column], moment)


def after(rows: list[Row], query: Mapping[str, str], ordered_by: str) -> list[Row]:
    """Return the rows behind the place that the query names, all without one."""
    if not query.get("after"):
        return rows
    try:
        moment, place = json.loads(urlsafe_b64decode(query["after"]))
    except (TypeError, ValueError):
        raise Refused(400, "Invalid cursor; take it from the link to the next page") from None
    places = [(row[ordered_by], row["id"]) for row in rows]
    return rows[places.index((moment, place)) + 1 :] if (moment, place) in places else []


def link(request: Request, last: Row, ordered_by: str) -> str:
    """Return the header that leads to the next page."""
    place = json.dumps(itemgetter(ordered_by, "id")(last)).encode()
    kept = {name: text for name, text in request.query.items() if name != "offset"}
    query = urlencode({**kept, "after": urlsafe_b64encode(place).decode()})
    return f'<{urlsplit(request.target).path}?{query}>; rel="next"'
