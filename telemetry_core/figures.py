"""Counts runs: how many ended how, of whom, of what, in which hour, and how long they took."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import define, field

from telemetry_core.models import RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR = len("2026-01-01T12")
_MEDIAN, _SLOW = 50, 95


class CountedRun(NamedTuple):
    """What is counted of a run.

    :ivar hour: the hour in which it started, the first `HOUR` characters of the time in UTC.
    :ivar took: its milliseconds; nothing where it never said its end itself, for nobody knows.
    """

    agent: str
    job: str
    status: str
    hour: str
    took: int | None


@define
class _Tally:
    """Runs that have something in common."""

    by_status: Counter[str] = field(factory=Counter)
    took: list[int] = field(factory=list)

    def figures(self) -> dict[str, Any]:
        """Return how many there are, and which share of those that ended succeeded."""
        runs = self.by_status.total()
        ended = runs - self.by_status[RUNNING]
        return {
            "runs": runs,
            "success_rate": round(self.by_status["success"] / ended, 4) if ended else None,
            "by_status": dict(self.by_status.most_common()),
        }

    def durations(self) -> dict[str, int | None]:
        """Return how long one of two, and nineteen of twenty, took at most."""
        self.took.sort()
        return {"p50_ms": self._percentile(_MEDIAN), "p95_ms": self._percentile(_SLOW)}

    def _percentile(self, percent: int) -> int | None:
        place = -(-len(self.took) * percent // 100)  # rounded up: the nearest rank
        return self.took[place - 1] if self.took else None


class _Tallies(dict[str, _Tally]):
    """Tallies by name, each begun when its first run is met."""

    def __missing__(self, name: str) -> _Tally:
        tally = self[name] = _Tally()
        return tally

    def busiest(self) -> list[tuple[str, _Tally]]:
        """Return them by their number of runs, the most first."""
        return sorted(self.items(), key=lambda item: (-item[1].by_status.total(), item[0]))


def figures_of(runs: Iterable[CountedRun]) -> dict[str, Any]:
    """Return `runs`, `success_rate`, `by_status`, and the same `by_agent`, `by_job` and `by_hour`.

    Jobs also say how long they took, in `p50_ms` and `p95_ms`. The success rate is the share of
    the runs that ended; nothing where none did. Hours in which no run started are left out.
    """
    every, agents, jobs, hours = _Tally(), _Tallies(), _Tallies(), _Tallies()
    for agent, job, status, hour, took in runs:
        every.by_status[status] += 1
        agents[agent].by_status[status] += 1
        hours[hour].by_status[status] += 1
        tally = jobs[job]
        tally.by_status[status] += 1
        if took is not None:
            tally.took.append(took)
    return {
        **every.figures(),
        "by_agent": [{"agent": name, **tally.figures()} for name, tally in agents.busiest()],
        "by_job": [
            {"job": name, **tally.figures(), **tally.durations()} for name, tally in jobs.busiest()
        ],
        "by_hour": [
            {"hour": f"{hour}:00:00Z", "by_status": dict(hours[hour].by_status)}
            for hour in sorted(hours)
        ],
    }
