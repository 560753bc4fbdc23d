"""The service and the fake of pytest-telemetry are told the same story, and answer alike."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from pytest_telemetry import RunsServer

from tests.servers.run_service.wire.serving import in_a_thread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IDS = ["e1", "e2", "e3", "a/b", "ü ?"]
TIMES = ["2026-01-01T00:00:00Z", "2026-01-01T05:30:01+05:30", "2026-01-01 00:00:02", "2026-01-01"]
NUMBERS = [0, 1, -1, "3", "x", 2.0, 1.5, True, None, 2**63 - 1, 2**63, "1_0"]
TEXTS: list[Any] = ["a", "", None, "é", 5, []]
VALUES: dict[str, list[Any]] = {
    "run_id": TEXTS,
    "start_time": [*TIMES, "noon", None],
    "created_at": [*TIMES, "noon", None],
    "end_time": [*TIMES, "", None],
    "status": ["running", "success", "failed", "completed", "Failed", "blue", None],
    "product": TEXTS,
    "error_summary": TEXTS,
    "items_discovered": NUMBERS,
    "items_failed": NUMBERS,
    "duration_ms": NUMBERS,
    "metrics_json": [None, {}, {"a": 1}, '{"a": 2}', "[1]", "x", []],
    "api_posted": [True, 0, 2, "yes", "perhaps", None],
    "git_commit_source": ["ci", "cat", None],
    "git_repo": ["https://u:p@github.com/o/r.git", "git@gitlab.com:a/b", "http://x", "", None],
    "git_commit_hash": ["abc1234", "a b#?", None],
}
QUERY: dict[str, list[str]] = {
    "limit": ["1", "2", "0", "x"],
    "offset": ["1", "-1"],
    "status": ["failed", "running", "blue", ""],
    "created_after": [*TIMES, "noon"],
    "start_time_to": [*TIMES, "noon"],
    "run_id": ["r1", ""],
    "total": ["true", "x"],
}
UNSETTLED = {"url", "msg", "input", "ctx", "type", "reason", "version", "cache_hit", "db_path"}
MADE = {"id", "created_at", "updated_at", "recent_24h"}


def some(dice: random.Random, values: Mapping[str, list[Any]], most: int) -> dict[str, Any]:
    """Return a few of the names, each with one of its values."""
    return {
        name: dice.choice(values[name]) for name in dice.sample(list(values), dice.randint(0, most))
    }


def run(dice: random.Random) -> dict[str, Any]:
    told = {"event_id": dice.choice(IDS), "run_id": f"r{dice.randrange(3)}", "agent_name": "ag"}
    return told | {"job_type": "j", "start_time": dice.choice(TIMES)} | some(dice, VALUES, 3)


def record(dice: random.Random, number: int) -> dict[str, Any]:
    told = {"id": f"v{number}", "seq": number, "time": 1_767_225_600_000_000_000 + number}
    if dice.random() < 0.5:
        event = {"event_type": "t", "run_id": f"r{dice.randrange(3)}", "payload": {"n": number}}
        return told | {"kind": dice.choice(["event", "tale"]), "body": event}
    body: dict[str, Any] = {
        "trigger_type": None,
        "schema_version": 7,
        "revision": dice.randrange(3),
    }
    body |= {"status": dice.choice(["running", "success"]), "event_id": dice.choice(IDS)}
    body |= {"run_id": "r1", "agent_name": "ag", "job_type": "j", "start_time": TIMES[0]}
    return told | {"kind": "update_run", "body": body | {"product": dice.choice(["p", None])}}


def request(dice: random.Random, number: int) -> tuple[str, str, Any]:
    one = f"/api/v1/runs/{quote(dice.choice([*IDS, 'nobody']), safe='')}"
    query = httpx.QueryParams(some(dice, QUERY, 3))
    commit = {"commit_hash": dice.choice(["abc1234", "short", None]), "commit_source": "ci"}
    return dice.choice(
        [
            ("POST", "/api/v1/runs", run(dice)),
            ("POST", "/api/v1/runs/batch", [run(dice) for _ in range(3)]),
            ("POST", "/api/v1/records", {"records": [record(dice, number), 5]}),
            ("PATCH", one, some(dice, VALUES, 2)),
            ("POST", f"{one}/associate-commit", commit),
            ("GET", f"/api/v1/runs?{query}", None),
            ("GET", dice.choice([one, f"{one}/events", f"{one}/commit-url"]), None),
            ("GET", dice.choice(["/metrics", "/api/v1/metadata"]), None),
        ]
    )


def settled(value: Any, name: str = "") -> Any:
    """Return what of an answer must be the same: no words of an error, nothing a service makes."""
    if isinstance(value, dict):
        return {key: settled(one, key) for key, one in value.items() if key not in UNSETTLED | MADE}
    if name == "detail" and isinstance(value, list):
        return sorted(json.dumps(settled(one)) for one in value)
    if isinstance(value, list):
        return [settled(one, name) for one in value]
    return str(value).partition(": ")[0] if name in {"errors", "detail"} else value


def told(answer: httpx.Response) -> tuple[Any, ...]:
    body = None if answer.status_code == 400 else settled(answer.json())
    count = answer.headers.get("x-total-count")
    return answer.status_code, body, "link" in answer.headers, count


@pytest.mark.parametrize("seed", range(3))
def test_they_answer_alike(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    fake = RunsServer()
    with (
        in_a_thread(tmp_path) as service,
        service.client() as real,
        fake.serving() as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        for number in range(60):
            method, target, body = request(dice, number)
            more = {} if body is None else {"json": body}
            answers = [one.request(method, target, **more) for one in (real, client)]
            assert told(answers[0]) == told(answers[1]), (method, target, body)
