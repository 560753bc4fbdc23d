"""The runs of a week, put together into one row for each agent and what it worked on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from telemetry_core import derived_id, iso8601, parse_iso8601
from telemetry_sheets.columns import KEY, cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GROUPS = ("agent_name", "website", "website_section", "product", "platform")
_SUMS = ("items_discovered", "items_succeeded", "items_failed", "items_skipped", "duration_ms")
_COUNTED = frozenset({"success", "failure", "partial"})
_ERRORS_NAMED = 5
_AT_ONCE = 1000
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_NS = 1_000_000_000
COLUMNS = (
    KEY,
    "timestamp",
    "job_type",
    *_GROUPS,
    "item_name",
    *_SUMS,
    "run_count",
    "error_count",
    "error_summary",
)


class Week(NamedTuple):
    """A week of the ISO calendar, in UTC: from its Monday up to before the next one."""

    name: str
    begin: str
    end: str

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the week of a name such as 2026-W46; raises `ValueError` for none."""
        found = _WEEK.fullmatch(name)
        if found is None:
            raise ValueError(f"{name!r} is no week; one is named like 2026-W46")
        monday = datetime.fromisocalendar(int(found[1]), int(found[2]), 1).replace(tzinfo=UTC)
        begin, end = (
            iso8601(round(day.timestamp()) * _NS) for day in (monday, monday + timedelta(days=7))
        )
        return cls(name, begin, end)

    @classmethod
    def before(cls, time_ns: int) -> Self:
        """Return the last week that was over at a time."""
        day = datetime.fromtimestamp(time_ns / _NS, UTC) - timedelta(days=7)
        year, week, _ = day.isocalendar()
        return cls.named(f"{year}-W{week:02}")


def rows_of(store: Any, week: Week) -> list[dict[str, Any]]:
    """Return the rows of a week, each under an id that is the same however often it is computed."""
    groups: dict[tuple[Any, ...], _Group] = {}
    for run in _runs(store, week):
        key = tuple(run.get(name) or "" for name in _GROUPS)
        groups.setdefault(key, _Group()).add(run)
    return [group.row(week, key) for key, group in sorted(groups.items())]


class _Group:
    """The sums over some runs."""

    def __init__(self) -> None:
        self._sums = dict.fromkeys(_SUMS, 0)
        self._runs = self._failed = 0
        self._errors: dict[str, None] = {}

    def add(self, run: Mapping[str, Any]) -> None:
        self._runs += 1
        self._failed += run["status"] == "failure"
        for name in _SUMS:
            self._sums[name] += run.get(name) or 0
        if run.get("error_summary"):
            self._errors[run["error_summary"]] = None

    def row(self, week: Week, key: tuple[Any, ...]) -> dict[str, Any]:
        values = {
            KEY: derived_id(f"{week.name} {key!r}", "weekly"),
            "timestamp": week.begin,
            "job_type": "aggregated_weekly",
            **dict(zip(_GROUPS, key, strict=True)),
            "item_name": "runs",
            **self._sums,
            "run_count": self._runs,
            "error_count": self._failed,
            "error_summary": "; ".join([*self._errors][:_ERRORS_NAMED]),
        }
        return {name: cell(value) for name, value in values.items()}


def _runs(store: Any, week: Week) -> Iterator[Mapping[str, Any]]:
    """Give the runs of a week that came to an end by themselves."""
    which = store.where(start_time_from=week.begin, start_time_to=week.end)
    end, after = parse_iso8601(week.end), None
    while True:
        page = store.list_runs(which, limit=_AT_ONCE, after=after, by="start_time")
        for run in page.rows:
            if run["status"] in _COUNTED and parse_iso8601(run["start_time"]) < end:
                yield run
        if page.next is None:
            return
        after = page.next
