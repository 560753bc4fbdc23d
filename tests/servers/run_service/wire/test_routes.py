"""Routes, methods and the form of every answer; health, metrics and metadata."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.servers.run_service.wire.telling import (
    RECORDS,
    RUNS,
    Api,
    a_record,
    a_run,
    detail,
    own,
    path_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.servers.run_service.wire.serving import Service

UNKNOWN = (
    "/",
    "/version",
    "/api/v1",
    "/api/v1/metadata/agent_name",
    f"{RUNS}/x/y",
    "/api/v1/stats",
)


@pytest.fixture
def lonely(alone: Service) -> Iterator[Api]:
    """Return a service that nobody has told of anything."""
    with alone.client() as client:
        yield Api(client)


@pytest.mark.parametrize("path", UNKNOWN)
def test_a_path_that_is_none_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, detail(answer)) == (404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", RUNS, {"GET", "POST"}),
        ("PUT", f"{RUNS}/x", {"GET", "PATCH"}),
        ("HEAD", f"{RUNS}/x", {"GET", "PATCH"}),
        ("GET", f"{RUNS}/x/associate-commit", {"POST"}),
        ("POST", f"{RUNS}/x/repo-url", {"GET"}),
        ("POST", "/health", {"GET"}),
        ("PATCH", "/metrics", {"GET"}),
    ],
)
def test_a_method_that_a_path_has_not_is_not_allowed(
    client: httpx.Client, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == 405
    assert {word.strip() for word in answer.headers["allow"].split(",")} & allowed
    assert method == "HEAD" or detail(answer) == "Method Not Allowed"


def test_a_trailing_slash_leads_to_the_path_without_it(client: httpx.Client) -> None:
    answer = client.get(f"{RUNS}/")

    assert answer.status_code == 307
    assert answer.headers["location"] == f"{client.base_url}{RUNS}".replace("//api", "/api")


def test_batch_is_no_run(client: httpx.Client) -> None:
    answer = client.get(f"{RUNS}/batch")

    assert (answer.status_code, detail(answer)) == (404, "Run not found: batch")


def test_the_description_names_its_parts_as_clients_know_them(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()

    assert described["components"]["schemas"].keys() >= {
        *("TelemetryRun", "RunUpdate", "CommitAssociation", "BatchResponse"),
        *("HTTPValidationError", "ValidationError"),
    }
    assert described["paths"].keys() >= {
        *("/health", "/metrics", "/api/v1/metadata", RUNS, f"{RUNS}/batch"),
        *(f"{RUNS}/{{event_id}}", f"{RUNS}/{{event_id}}/associate-commit"),
        *(f"{RUNS}/{{event_id}}/commit-url", f"{RUNS}/{{event_id}}/repo-url"),
    }


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_loads_anything_from_elsewhere(client: httpx.Client, path: str) -> None:
    assert "://cdn" not in client.get(path).text


def test_health_says_how_it_is_and_what_is_set(client: httpx.Client, service: Service) -> None:
    answer = client.get("/health")

    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == "ok"
    assert told["version"]
    assert told["db_path"] == str(service.database)
    assert (told["journal_mode"], told["synchronous"]) == ("DELETE", "FULL")


def test_metrics_of_nothing_are_zeros(lonely: Api) -> None:
    told = lonely.client.get("/metrics").json()

    assert (told["total_runs"], told["agents"], told["recent_24h"]) == (0, {}, 0)
    assert told["performance"]["journal_mode"] == "DELETE"


def test_metrics_count_the_runs_of_each_agent_the_busiest_first(lonely: Api) -> None:
    lonely.batch(*(a_run(agent_name=name) for name in "abbccc"), a_run(agent_name="ä ö"))

    told = lonely.client.get("/metrics").json()

    assert told["total_runs"] == 7
    assert [*told["agents"].items()][:2] == [("c", 3), ("b", 2)]
    assert told["agents"] == {"a": 1, "b": 2, "c": 3, "ä ö": 1}


def test_recent_is_what_was_created_within_24_hours(lonely: Api) -> None:
    now = datetime.now(UTC)
    for hours in (1, 23.5, 24.5, 34.8, 47):
        created = (now - timedelta(hours=hours)).astimezone(None).isoformat()
        lonely.post(created_at=created)

    assert lonely.client.get("/metrics").json()["recent_24h"] == 2


def test_metrics_follow_at_once(lonely: Api) -> None:
    run = lonely.made()

    lonely.post(event_id=run["event_id"])
    lonely.patch(run["event_id"], status="success")

    assert lonely.total() == 1


@pytest.mark.parametrize(
    ("params", "accept"),
    [({"format": "prometheus"}, "*/*"), ({}, "text/plain"), ({}, "application/openmetrics-text")],
)
def test_metrics_are_prometheus_text_when_it_is_asked_for(
    client: httpx.Client, params: dict[str, str], accept: str
) -> None:
    answer = client.get("/metrics", params=params, headers={"accept": accept})

    assert answer.headers["content-type"].split(";")[0] in {
        "text/plain",
        "application/openmetrics-text",
    }
    assert answer.text.startswith("# HELP ")


def test_metadata_are_the_names_in_their_order(lonely: Api) -> None:
    lonely.batch(*(a_run(agent_name=name, job_type=f"{name} job") for name in ("b", "a", "b")))

    told = lonely.client.get("/api/v1/metadata").json()

    assert type(told.pop("cache_hit")) is bool
    assert told == {
        "agent_names": ["a", "b"],
        "job_types": ["a job", "b job"],
        "counts": {"agent_names": 2, "job_types": 2},
    }


def test_metadata_know_a_new_name_at_once(lonely: Api) -> None:
    lonely.client.get("/api/v1/metadata")
    lonely.post(agent_name="new")

    assert lonely.client.get("/api/v1/metadata").json()["agent_names"] == ["new"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ("/health", "/metrics", "/api/v1/metadata", RUNS)),
        *(("GET", path) for path in (f"{RUNS}/x", "/none", f"{RUNS}?limit=0", f"{RUNS}?status=x")),
        *(("POST", path) for path in (RUNS, f"{RUNS}/batch", f"{RUNS}/x/associate-commit")),
        *(("PATCH", path) for path in (f"{RUNS}/x", "/health")),
    ],
)
def test_every_answer_is_json_and_says_whose_it_is(
    client: httpx.Client, method: str, path: str
) -> None:
    answer = client.request(method, path)

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["server"] == "uvicorn"
    assert answer.headers["x-telemetry-service"].startswith("telemetry-run-service/")
    assert json.loads(answer.content) is not None


def test_records_of_ours_are_told_and_found(api: Api, mine: str) -> None:
    run = a_record("start_run", own(), event_id=mine, run_id=f"run-{mine}")
    event = a_record("event", own(), event_type="fetched", run_id=f"run-{mine}")

    told = api.client.post(RECORDS, json={"records": [run, event, 5]}).json()

    assert told["accepted"] == 2
    assert [(one["index"], one["code"]) for one in told["rejected"]] == [(2, "invalid_record")]
    found = api.client.get(f"{path_of(mine)}/events").json()
    assert [one["event_type"] for one in found] == ["fetched"]
