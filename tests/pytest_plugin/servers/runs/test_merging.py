"""The fake merges what is told of a run twice as every store does, with lines of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict
from pytest_telemetry.servers.runs.book import BLANK
from pytest_telemetry.servers.runs.merging import merged

from telemetry_core import RunRecord, merge_runs

GOLDEN = Path(__file__).parents[3] / "golden" / "merged_runs.json"
CASES = json.loads(GOLDEN.read_text("utf-8"))["cases"]
RUN = {
    "event_id": "e",
    "run_id": "r",
    "agent_name": "a",
    "job_type": "j",
    "start_time": "2026-01-01T00:00:00+00:00",
}


def as_the_core_does(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return asdict(merge_runs(RunRecord(**RUN | one), RunRecord(**RUN | other)))


def as_the_fake_does(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return merged({**BLANK, **RUN, **one}, {**BLANK, **RUN, **other})


@pytest.mark.parametrize("merge", [as_the_core_does, as_the_fake_does])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_two_records_of_a_run_are_one_in_either_order(case: Any, merge: Any) -> None:
    for one, other in ((case["one"], case["other"]), (case["other"], case["one"])):
        run = merge(one, other)
        assert {name: run[name] for name in case["merged"]} == case["merged"]


def test_whether_a_run_was_posted_is_not_forgotten() -> None:
    posted = {"api_posted": True, "api_posted_at": "then", "api_retry_count": 2}
    for one, other in (({}, posted), (posted, {"revision": 1, "api_retry_count": 1})):
        assert as_the_fake_does(one, other).items() >= posted.items()
