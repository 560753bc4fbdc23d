"""How a tool that talks to the run service tests itself: a service in memory, faults on request."""

from collections.abc import Iterator

import httpx
import pytest
from pytest_telemetry import FakeClock, RunsServer

RUNS = "/api/v1/runs"


def close_abandoned(http: httpx.Client, agent_name: str, started_before: str) -> list[str]:
    """Stand in for the tool: cancel what still runs and began too long ago; return what it closed."""
    query = {"agent_name": agent_name, "status": "running", "start_time_to": started_before}
    closed = []
    page: str | None = f"{RUNS}?{httpx.QueryParams(query)}"
    while page:
        answer = http.get(page).raise_for_status()
        for run in answer.json():
            change = {"status": "cancelled", "error_summary": "abandoned"}
            if http.patch(f"{RUNS}/{run['event_id']}", json=change).is_success:
                closed.append(run["event_id"])
        page = answer.links.get("next", {}).get("url")
    return closed


@pytest.fixture
def http(telemetry_runs_server: RunsServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=telemetry_runs_server.url) as client:
        yield client


@pytest.fixture(autouse=True)
def two_runs(http: httpx.Client) -> None:
    run = {"agent_name": "crawler", "job_type": "nightly"}
    old = run | {"event_id": "old", "run_id": "r-1", "start_time": "2026-01-01T06:00:00Z"}
    young = run | {"event_id": "young", "run_id": "r-2", "start_time": "2026-01-01T11:30:00Z"}
    assert http.post(f"{RUNS}/batch", json=[old, young]).json()["inserted"] == 2


def test_what_began_too_long_ago_is_cancelled(
    http: httpx.Client, telemetry_runs_server: RunsServer
) -> None:
    assert close_abandoned(http, "crawler", "2026-01-01T11:00:00Z") == ["old"]
    telemetry_runs_server.assert_run("crawler", event_id="old", status="cancelled")
    telemetry_runs_server.assert_run("crawler", event_id="young", status="running")


def test_a_service_that_is_busy_is_no_reason_to_say_that_it_was_done(
    http: httpx.Client, telemetry_runs_server: RunsServer
) -> None:
    telemetry_runs_server.reject(lambda body: body.get("status") == "cancelled", 503)
    assert close_abandoned(http, "crawler", "2026-01-01T11:00:00Z") == []
    telemetry_runs_server.clear()
    assert close_abandoned(http, "crawler", "2026-01-01T11:00:00Z") == ["old"]


def test_a_token_is_wanted_where_there_is_one(
    http: httpx.Client, telemetry_runs_server: RunsServer
) -> None:
    telemetry_runs_server.tokens = {"secret"}
    assert close_abandoned(http, "crawler", "2026-01-01T11:00:00Z") == []
    http.headers["authorization"] = "Bearer secret"
    assert close_abandoned(http, "crawler", "2026-01-01T11:00:00Z") == ["old"]


def test_it_does_as_well_with_the_original_service(
    http: httpx.Client, telemetry_runs_server: RunsServer, telemetry_clock: FakeClock
) -> None:
    telemetry_runs_server.reference = True
    telemetry_clock.advance(3600)
    assert close_abandoned(http, "crawler", "2026-01-01T11:00:00Z") == ["old"]
