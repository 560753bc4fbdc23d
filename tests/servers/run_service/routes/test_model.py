"""What the filters find is what a plain look at every run finds, in the same order, on any pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.servers.run_service.asking import RUNS, Asked, run

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENTS, JOBS, STATUSES = ("a", "b"), ("x", "y"), ("running", "success", "failure")
FIRST = datetime(2026, 1, 31, tzinfo=UTC)
MOMENTS = [FIRST + timedelta(minutes=minute) for minute in range(6)]
ZONES = [timezone(timedelta(hours=hours)) for hours in (-7, 0, 5)]
ALIASES = {"success": "completed", "failure": "failed"}


def _runs() -> list[dict[str, Any]]:
    """Return runs of every kind; moments and zones go round at paces of their own."""
    return [
        run(
            f"e{number}",
            agent_name=AGENTS[number % 2],
            job_type=JOBS[number // 2 % 2],
            status=STATUSES[number // 4 % 3],
            created_at=MOMENTS[number * 7 % 6].astimezone(ZONES[number % 3]).isoformat(),
            start_time=MOMENTS[number * 5 % 6].astimezone(ZONES[number // 3 % 3]).isoformat(),
        )
        for number in range(60)
    ]


def _expected(asked: dict[str, Any]) -> list[str]:
    def means(one: dict[str, Any]) -> bool:
        created, started = (datetime.fromisoformat(one[n]) for n in ("created_at", "start_time"))
        return (
            all(one[name] == asked.get(name, one[name]) for name in ("agent_name", "job_type"))
            and asked.get("status", one["status"]) in {one["status"], ALIASES.get(one["status"])}
            and ("created_after" not in asked or created > asked["created_after"])
            and ("created_before" not in asked or created < asked["created_before"])
            and ("start_time_from" not in asked or started >= asked["start_time_from"])
            and ("start_time_to" not in asked or started <= asked["start_time_to"])
        )

    found = [one for one in _runs() if means(one)]
    found.sort(key=lambda one: datetime.fromisoformat(one["created_at"]), reverse=True)
    return [one["event_id"] for one in found]


moments = some.builds(datetime.astimezone, some.sampled_from(MOMENTS), some.sampled_from(ZONES))
questions = some.fixed_dictionaries(
    {},
    optional={
        "agent_name": some.sampled_from(AGENTS),
        "job_type": some.sampled_from(JOBS),
        "status": some.sampled_from((*STATUSES, *ALIASES.values())),
        "created_after": moments,
        "created_before": moments,
        "start_time_from": moments,
        "start_time_to": moments,
    },
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with Asked(tmp_path_factory.mktemp("model") / "runs.sqlite") as service:
        service.post(f"{RUNS}/batch", json=_runs())
        yield service


def _asked(question: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in question.items()
    }


@given(question=questions, limit=some.integers(1, 70))
def test_every_page_together_is_what_a_look_at_all_runs_finds(
    full: Asked, question: dict[str, Any], limit: int
) -> None:
    answer = full.get(RUNS, params={**_asked(question), "limit": limit, "total": True})
    total = int(answer.headers["X-Total-Count"])
    seen = [found["event_id"] for found in answer.json()]
    while "next" in answer.links:
        answer = full.get(answer.links["next"]["url"])
        seen += [found["event_id"] for found in answer.json()]
    assert seen == _expected(question)
    assert total == len(seen)


@given(question=questions, limit=some.integers(1, 70), offset=some.integers(0, 70))
def test_an_offset_cuts_the_same_list(
    full: Asked, question: dict[str, Any], limit: int, offset: int
) -> None:
    asked = {**_asked(question), "limit": limit, "offset": offset}
    seen = [found["event_id"] for found in full.get(RUNS, params=asked).json()]
    assert seen == _expected(question)[offset : offset + limit]
