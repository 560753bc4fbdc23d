"""The service tells of itself: health that asked the database, figures, names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import __version__, iso8601
from tests.servers.run_service.asking import RUNS, run

if TYPE_CHECKING:
    from tests.servers.run_service.asking import Asked

HOUR = 3_600 * 10**9


def test_health_tells_what_is_served_and_how(service: Asked) -> None:
    assert service.get("/health").json() == {
        "status": "ok",
        "version": __version__,
        "db_path": str(service.database),
        "journal_mode": "DELETE",
        "synchronous": "FULL",
    }


def test_metrics_count_runs_agents_and_the_last_day(service: Asked) -> None:
    now = service.app.state.service.clock.time_ns()
    ages = {"a": 1, "b": 23, "c": 25, "d": 35}
    for name, hours in ages.items():
        created = iso8601(now - hours * HOUR)
        agent = "busy" if name != "d" else "idle"
        service.post(RUNS, json=run(name, created_at=created, agent_name=agent))
    assert service.get("/metrics").json() == {
        "total_runs": 4,
        "agents": {"busy": 3, "idle": 1},
        "recent_24h": 2,
        "performance": {"db_path": str(service.database), "journal_mode": "DELETE"},
    }


def test_who_knows_us_is_told_two_figures_more(service: Asked) -> None:
    service.post(RUNS, json=run(status="success"))
    told = service.get("/metrics", headers={"X-Telemetry-Client": "test"}).json()
    assert told["by_status"] == {"success": 1}
    assert told["pending_api_posts"] == 1


@pytest.mark.parametrize(
    ("params", "accept", "kind"),
    [
        ({"format": "prometheus"}, "application/json", "text/plain"),
        ({}, "text/plain", "text/plain"),
        (
            {},
            "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
            "application/openmetrics-text",
        ),
        ({}, "*/*", "application/json"),
        ({}, "application/json, text/plain, */*", "application/json"),
        ({"format": "json"}, "text/plain", "application/json"),
    ],
)
def test_prometheus_is_answered_in_text_and_only_when_asked(
    service: Asked, params: Any, accept: str, kind: str
) -> None:
    answer = service.get("/metrics", params=params, headers={"Accept": accept})
    assert answer.headers["Content-Type"].partition(";")[0] == kind


def test_the_figures_for_prometheus_have_names_and_labels(service: Asked) -> None:
    service.post(RUNS, json=run(agent_name='odd "name"\n'))
    text = service.get("/metrics", params={"format": "prometheus"}).text
    assert "telemetry_runs 1.0" in text
    assert 'telemetry_runs_by_agent{agent_name="odd \\"name\\"\\n"} 1.0' in text
    assert "telemetry_service_writes_total 2.0" in text


def test_an_unknown_form_is_422(service: Asked) -> None:
    assert service.get("/metrics", params={"format": "xml"}).status_code == 422


def test_metadata_tells_the_names_in_their_order(service: Asked) -> None:
    service.post(RUNS, json=run("a", agent_name="b", job_type="y"))
    service.post(RUNS, json=run("b", agent_name="a", job_type="x"))
    assert service.get("/api/v1/metadata").json() == {
        "agent_names": ["a", "b"],
        "job_types": ["x", "y"],
        "counts": {"agent_names": 2, "job_types": 2},
        "cache_hit": False,
    }


def test_names_are_said_to_be_known_until_something_is_stored(service: Asked) -> None:
    def hit() -> bool:
        told: bool = service.get("/api/v1/metadata").json()["cache_hit"]
        return told

    commit = {"commit_hash": "abcdef1", "commit_source": "ci"}
    service.post(RUNS, json=run())
    assert [hit(), hit()] == [False, True]
    service.post(RUNS, json=run())
    service.post(f"{RUNS}/e1/associate-commit", json=commit)
    assert hit()
    service.patch(f"{RUNS}/e1", json={"items_failed": 1})
    assert [hit(), hit()] == [False, True]
    service.post(f"{RUNS}/batch", json=[run()])
    assert hit()
    service.post(f"{RUNS}/batch", json=[run("new")])
    assert not hit()
