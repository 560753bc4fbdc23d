"""Which runs are meant by the parameters of a request, for SQL and for one run at hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from telemetry_sqlite import RunFilter

from telemetry_run_service.answers.problems import refused
from telemetry_run_service.requests.cursors import place_of
from telemetry_run_service.requests.models import STATUS_ALIASES, STATUSES, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite.listing import Place

    from telemetry_run_service.requests.models import RunFilters

_EXACT = ("agent_name", "job_type", "status", "run_id", "parent_run_id")
_TIMES = ("created_before", "created_after", "start_time_from", "start_time_to")
# A time of day, then a blank where the offset begins: a plus sign that nobody encoded.
_LOST_PLUS = re.compile(r"(\d{4}-?\d\d-?\d\d[T ]\d\d\S*) (\d\d(:?\d\d){0,2})")

Run = dict[str, Any]


def filter_of(asked: RunFilters) -> RunFilter:
    """Return what the store is asked; raises the answer 400 for a status or time that is none."""
    status = STATUS_ALIASES.get(asked.status or "", asked.status)
    if status and status not in STATUSES:
        known = ", ".join((*STATUSES, *STATUS_ALIASES))
        raise refused(400, f"Invalid status: {asked.status!r}. Use one of: {known}")
    times = {name: _moment(name, getattr(asked, name)) for name in _TIMES}
    return RunFilter(
        agent_name=asked.agent_name,
        job_type=asked.job_type,
        status=status,
        run_id=asked.run_id,
        parent_run_id=asked.parent_run_id,
        **times,
    )


def place_asked(cursor: str | None) -> Place | None:
    """Return where the page before ended; raises the answer 400 for a cursor that is none."""
    if not cursor:
        return None
    try:
        return place_of(cursor)
    except ValueError:
        raise refused(
            400, f"Invalid cursor for after: {cursor!r}. Use the Link header of the page before"
        ) from None


def matcher(which: RunFilter) -> Callable[[Run], bool]:
    """Return what tells whether a filter means a run, as the database would say."""
    exact = {name: value for name in _EXACT if (value := getattr(which, name))}
    before, after, since, until = (getattr(which, name) for name in _TIMES)

    def means(run: Run) -> bool:
        return (
            all(run[name] == value for name, value in exact.items())
            and (not before or run["created_at"] < before)
            and (not after or run["created_at"] > after)
            and (not since or run["start_time"] >= since)
            and (not until or run["start_time"] <= until)
        )

    return means


def _moment(name: str, text: str | None) -> str | None:
    if not text:
        return None
    try:
        return moment(_LOST_PLUS.sub(r"\1+\2", text))
    except ValueError:
        raise refused(400, f"Invalid ISO8601 timestamp for {name}: {text!r}") from None
