"""Lists, counts and tallies are those of a list in memory, whatever is stored and asked."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta, timezone
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from telemetry_sqlite import Database, RunFilter, RunQueries, put_run
from telemetry_sqlite import listing as listing_module

from telemetry_core import RunRecord, iso8601, parse_iso8601
from tests.plugins.sqlite.conftest import NOON

if TYPE_CHECKING:
    import pytest

AGENTS, JOBS, STATUSES = "ab", "jk", ("running", "success", "failure")
DAY = 86_400
FORMS = ("+00:00", "Z", "+05:00", "-03:30", "space", "naive", "short")


def written(second: int, form: str) -> str:
    """Write a moment in one of the forms that programs use."""
    moment = datetime.fromisoformat(iso8601(NOON + second * 10**9))
    if form in {"+05:00", "-03:30"}:
        offset = datetime.fromisoformat(f"2026-01-01T00:00:00{form}").tzinfo
        return moment.astimezone(offset).isoformat()
    if form == "Z":
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if form == "space":
        return moment.strftime("%Y-%m-%d %H:%M:%S+00:00")
    if form == "naive":
        return moment.strftime("%Y-%m-%dT%H:%M:%S")
    if form == "short":
        zone = timezone(timedelta(hours=1))
        return moment.astimezone(zone).strftime("%Y%m%dT%H%M%S+0100")
    return moment.isoformat()


moments = st.builds(
    written,
    st.one_of(
        st.integers(0, 200), st.integers(-3 * DAY, 3 * DAY).map(lambda second: second // 60 * 60)
    ),
    st.sampled_from(FORMS),
)
runs = st.fixed_dictionaries(
    {
        "agent_name": st.sampled_from(AGENTS),
        "job_type": st.sampled_from(JOBS),
        "status": st.sampled_from(STATUSES),
        "run_id": st.sampled_from(("r1", "r2", "r3")),
        "parent_run_id": st.sampled_from((None, "r1")),
        "start_time": moments,
        "created_at": st.one_of(st.none(), moments),
    }
)
questions = st.fixed_dictionaries(
    {},
    optional={
        "agent_name": st.sampled_from(AGENTS),
        "job_type": st.sampled_from(JOBS),
        "status": st.sampled_from(STATUSES),
        "run_id": st.sampled_from(("r1", "r2")),
        "parent_run_id": st.just("r1"),
        "created_after": moments,
        "created_before": moments,
        "start_time_from": moments,
        "start_time_to": moments,
    },
)


def meant(run: dict[str, Any], which: dict[str, str]) -> bool:
    """Whether a run is meant, by instants."""
    created, start = run["created"], parse_iso8601(run["start_time"])
    bounds = {
        name: parse_iso8601(value) for name, value in which.items() if "_" in name and name in TIMES
    }
    return all(
        (
            *(run[name] == value for name, value in which.items() if name not in TIMES),
            created > bounds.get("created_after", float("-inf")),
            created < bounds.get("created_before", float("inf")),
            start >= bounds.get("start_time_from", float("-inf")),
            start <= bounds.get("start_time_to", float("inf")),
        )
    )


TIMES = {"created_after", "created_before", "start_time_from", "start_time_to"}


def store(path: str, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Store the runs and return them as they are to be listed."""
    database = Database(path)

    def put(connection: Any) -> None:
        for number, run in enumerate(told):
            assert put_run(connection, RunRecord(**run, event_id=f"e{number}"), NOON)

    database.write(put)
    database.close()
    kept = [
        {
            **run,
            "id": number,
            "created": parse_iso8601(run["created_at"]) if run["created_at"] else NOON,
        }
        for number, run in enumerate(told, 1)
    ]
    return sorted(kept, key=lambda run: (-run["created"], run["id"]))


def check(told: list[dict[str, Any]], which: dict[str, str], limit: int) -> None:
    with TemporaryDirectory() as directory:
        path = f"{directory}/runs.sqlite"
        kept = store(path, told)
        queries, asked = RunQueries(path), RunFilter(**which)
        wanted = [run["id"] for run in kept if meant(run, which)]

        paged: list[int] = []
        place = None
        for _ in itertools.count():
            page = queries.list_rows(asked, limit=limit, after=place)
            paged += [row[0] for row in page.rows]
            place = page.next
            if place is None:
                break

        assert paged == wanted
        assert queries.count(asked) == len(wanted)
        assert [row[0] for row in queries.list_rows(asked, limit=limit, offset=1).rows] == wanted[
            1 : 1 + limit
        ]
        totals = queries.totals(NOON + DAY * 10**9)
        assert totals.agents == Counter(run["agent_name"] for run in kept)
        assert totals.recent_24h == sum(run["created"] >= NOON for run in kept)
        assert queries.names().job_types == sorted({run["job_type"] for run in kept})


@given(st.lists(runs, min_size=1, max_size=12), questions, st.integers(1, 4))
def test_lists_are_those_of_a_list_in_memory(
    told: list[dict[str, Any]], which: dict[str, str], limit: int
) -> None:
    check(told, which, limit)


def test_they_are_the_same_where_what_is_few_is_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "_FEW_ROWS", 1)
    monkeypatch.setattr(listing_module, "_FEW_KEYS", 2)
    monkeypatch.setattr(listing_module, "_FEW_STARTS", 3)

    @given(st.lists(runs, min_size=1, max_size=12), questions, st.integers(1, 4))
    def lists_are_the_same(told: list[dict[str, Any]], which: dict[str, str], limit: int) -> None:
        check(told, which, limit)

    lists_are_the_same()
