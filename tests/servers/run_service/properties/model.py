"""What a question about runs has for an answer, found by looking at each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.servers.run_service.asking import RUNS as ROUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.servers.run_service.asking import Asked

Run = dict[str, Any]
Question = dict[str, Any]

CANONICAL = ("running", "success", "failure", "partial", "timeout", "cancelled")
ALIASES = {"failed": "failure", "completed": "success", "succeeded": "success"}
AGENTS, JOBS = ("crawler", "Crawler", "crawler ", "größe/é"), ("daily", "daily%", "d_ily")
PARENTS = (None, "parent-1", "parent-2")
OFFSETS = (0, 60, 330, 840, -210, -720)  # minutes from UTC
BEGIN = datetime(2026, 3, 28, 23, 58, tzinfo=UTC)  # close to where days end, here or elsewhere


@st.composite
def moments(draw: st.DrawFn) -> str:
    """Return one of a few moments, written in one of the ways of ISO 8601."""
    minutes, micros = draw(st.integers(0, 4)), draw(st.sampled_from((0, 1, 500_000, 999_999)))
    moment = BEGIN + timedelta(minutes=minutes, microseconds=micros)
    match draw(st.sampled_from(("offset", "zulu", "naive", "blank"))):
        case "zulu":
            return moment.isoformat().replace("+00:00", "Z")
        case "naive":
            return moment.replace(tzinfo=None).isoformat()
        case "blank":
            return moment.isoformat(sep=" ", timespec="microseconds")
    zone = timezone(timedelta(minutes=draw(st.sampled_from(OFFSETS))))
    return moment.astimezone(zone).isoformat()


RUNS = st.fixed_dictionaries(
    {
        "agent_name": st.sampled_from(AGENTS),
        "job_type": st.sampled_from(JOBS),
        "status": st.sampled_from((*CANONICAL, *ALIASES)),
        "parent_run_id": st.sampled_from(PARENTS),
        "created_at": moments(),
        "start_time": moments(),
    }
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "agent_name": st.sampled_from(("", *AGENTS)),
        "job_type": st.sampled_from(("", *JOBS)),
        "status": st.sampled_from(("", *CANONICAL, *ALIASES)),
        "parent_run_id": st.sampled_from(("", "parent-1", "parent-3")),
        "created_after": moments(),
        "created_before": moments(),
        "start_time_from": moments(),
        "start_time_to": moments(),
    },
)


@st.composite
def arrivals(draw: st.DrawFn, runs: list[Run]) -> list[list[Run]]:
    """Return in which requests runs come: in any order, some of them twice, many or one at once."""
    again = draw(st.lists(st.sampled_from(runs), max_size=4)) if runs else []
    left = draw(st.permutations([*runs, *again]))
    told = []
    while left:
        size = draw(st.integers(1, 6))
        told.append(left[:size])
        left = left[size:]
    return told


def tell(service: Asked, told: Iterable[list[Run]]) -> None:
    """Send runs, each list in a request of its own; one by itself is sent as one."""
    for runs in told:
        if len(runs) == 1:
            assert service.post(ROUTE, json=runs[0]).status_code in {200, 201}
        else:
            answered = service.post(f"{ROUTE}/batch", json=runs).json()
            assert (answered["errors"], answered["total"]) == ([], len(runs))


def named(runs: Iterable[Run], first: int = 0) -> list[Run]:
    """Return runs with ids, numbered from here on."""
    return [
        {"event_id": f"event-{number}", "run_id": f"run-{number}", **run}
        for number, run in enumerate(runs, first)
    ]


RUNS_TOLD = st.lists(RUNS, max_size=8).map(named)


def answer(told: Iterable[Run], question: Question) -> list[str]:
    """Return the event ids that a question has to find, in their order.

    :param told: the runs in the order of their arrival; of one that came twice the first counts.
    """
    runs = {run["event_id"]: run for run in reversed(list(told))}
    arrived = list(dict.fromkeys(run["event_id"] for run in told))
    found = [runs[event_id] for event_id in arrived if _is_meant(runs[event_id], question)]
    found.sort(key=lambda run: _instant(run["created_at"]), reverse=True)  # keeps ties in order
    begin = question.get("offset", 0)
    return [run["event_id"] for run in found[begin : begin + question.get("limit", 100)]]


def _is_meant(run: Run, question: Question) -> bool:
    created, started = _instant(run["created_at"]), _instant(run["start_time"])
    wanted = {name: value for name, value in question.items() if value != ""}
    status = wanted.get("status")
    return (
        all(
            run[name] == wanted[name]
            for name in ("agent_name", "job_type", "parent_run_id")
            if name in wanted
        )
        and (status is None or canonical(run["status"]) == canonical(status))
        and ("created_after" not in wanted or created > _instant(wanted["created_after"]))
        and ("created_before" not in wanted or created < _instant(wanted["created_before"]))
        and ("start_time_from" not in wanted or started >= _instant(wanted["start_time_from"]))
        and ("start_time_to" not in wanted or started <= _instant(wanted["start_time_to"]))
    )


def canonical(status: str) -> str:
    """Return the word that a status is stored as."""
    return ALIASES.get(status, status)


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
