"""What a test asks the fake run service, and what it asks it to do."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pytest_telemetry import FakeClock, RunsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = "/api/v1/runs"
RUN = {
    "event_id": "e-1",
    "run_id": "r-1",
    "agent_name": "crawler",
    "job_type": "nightly",
    "start_time": "2026-01-01T12:00:00Z",
}
OTHER = RUN | {"event_id": "e-2", "run_id": "r-2", "agent_name": "importer"}
EVENT = {
    "kind": "event",
    "id": "v-1",
    "seq": 1,
    "time": 1_767_268_800_000_000_000,
    "body": {"event_type": "fetched", "run_id": "r-1", "payload": {"url": "/a"}},
}


@pytest.fixture
def server() -> RunsServer:
    return RunsServer()


@pytest.fixture
def http(server: RunsServer) -> Iterator[httpx.Client]:
    with server.serving() as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


# -- what it has stored


def test_runs_and_events_are_there_to_look_at(server: RunsServer, http: httpx.Client) -> None:
    http.post(RUNS, json=RUN)
    http.post("/api/v1/records", json={"records": [EVENT]})
    assert list(server.runs) == ["e-1"]
    assert server.runs["e-1"]["start_time"] == "2026-01-01T12:00:00.000000+00:00"
    assert [event["payload_json"] for event in server.events] == [{"url": "/a"}]


def test_a_run_is_found_by_either_id(server: RunsServer, http: httpx.Client) -> None:
    http.post(RUNS, json=RUN)
    assert server.run("e-1") is server.run("r-1")
    with pytest.raises(AssertionError, match=r"^no run has the id 'r-2'; stored: e-1$"):
        server.run("r-2")


def test_the_latest_run_with_these_fields_is_found(server: RunsServer, http: httpx.Client) -> None:
    http.post(f"{RUNS}/batch", json=[RUN, OTHER, OTHER | {"event_id": "e-3", "status": "failed"}])
    assert server.assert_run("importer")["event_id"] == "e-3"
    assert server.assert_run("importer", status="running")["event_id"] == "e-2"
    assert server.assert_run()["event_id"] == "e-3"


def test_in_vain_it_shows_what_is_nearest(server: RunsServer, http: httpx.Client) -> None:
    with pytest.raises(AssertionError, match="nothing of the kind was recorded"):
        server.assert_run("crawler")
    http.post(RUNS, json=RUN)
    with pytest.raises(AssertionError) as failure:
        server.assert_run("crawler", status="success")
    assert str(failure.value).splitlines() == [
        "no run with agent_name='crawler', status='success'; 1 recorded:",
        "  r-1",
        "    status is 'running', not 'success'",
    ]


def test_a_field_that_no_run_has_is_a_mistake_of_the_test(server: RunsServer) -> None:
    with pytest.raises(TypeError, match="a run has no field colour"):
        server.assert_run("crawler", colour="red")


# -- how it misbehaves


def test_some_of_a_batch_are_refused_and_the_others_taken(
    server: RunsServer, http: httpx.Client
) -> None:
    server.refuse(lambda run: run["agent_name"] == "importer", reason="disk I/O error")
    answer = http.post(f"{RUNS}/batch", json=[RUN, OTHER])
    assert answer.json() == {
        "inserted": 1,
        "duplicates": 0,
        "errors": ["e-2: disk I/O error"],
        "total": 2,
    }
    assert list(server.runs) == ["e-1"]


def test_some_records_are_refused_and_the_others_taken(
    server: RunsServer, http: httpx.Client
) -> None:
    server.refuse(lambda record: record["id"] == "v-1", "unstorable", "too odd")
    answer = http.post("/api/v1/records", json={"records": [EVENT, EVENT | {"id": "v-2"}]})
    refused = {"index": 0, "id": "v-1", "code": "unstorable", "reason": "too odd"}
    assert answer.json() == {"accepted": 1, "rejected": [refused]}
    assert [event["event_id"] for event in server.events] == ["v-2"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_single_run_is_refused_as_a_database_does(
    method: str, server: RunsServer, http: httpx.Client
) -> None:
    http.post(RUNS, json=RUN)
    server.refuse(lambda body: "host" in body)
    path = RUNS if method == "POST" else f"{RUNS}/e-1"
    answer = http.request(method, path, json=RUN | {"host": "h", "items_failed": 1})
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Database integrity error: it is refused on request"}
    assert server.run("e-1")["items_failed"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", RUNS, RUN),
        ("POST", f"{RUNS}/batch", [OTHER, RUN]),
        ("POST", f"{RUNS}/batch", {"runs": [RUN]}),
        ("POST", "/api/v1/records", {"records": [EVENT, {"id": "v-2", "agent_name": "crawler"}]}),
        ("PATCH", f"{RUNS}/e-1", {"agent_name": "crawler"}),
    ],
)
def test_a_request_is_rejected_for_one_run_or_record_of_it(
    method: str, path: str, body: Any, server: RunsServer, http: httpx.Client
) -> None:
    server.reject(lambda one: one.get("agent_name") == "crawler", 422)
    answer = http.request(method, path, json=body)
    assert (answer.status_code, answer.json()) == (422, {"detail": "it is rejected on request"})
    assert (server.runs, server.events) == ({}, [])
    assert http.get(RUNS).status_code == 200


def test_a_fault_speaks_as_the_service_does(server: RunsServer, http: httpx.Client) -> None:
    server.fail(503, times=1)
    answer = http.post(RUNS, json=RUN)
    assert (answer.status_code, answer.json()) == (503, {"detail": "it fails on request"})
    server.rate_limit(0, retry_after=30)
    answer = http.post(RUNS, json=RUN)
    assert (answer.status_code, answer.json()) == (429, {"detail": "too many requests"})
    assert answer.headers["retry-after"] == "30"
    server.clear()
    assert http.post(RUNS, json=RUN).status_code == 201


def test_what_was_stored_before_the_answer_was_lost_is_a_duplicate(
    server: RunsServer, http: httpx.Client
) -> None:
    server.lose_reply(times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        http.post(RUNS, json=RUN)
    assert http.post(RUNS, json=RUN).json()["status"] == "duplicate"


def test_down_and_up_again_it_still_has_its_runs(server: RunsServer, http: httpx.Client) -> None:
    http.post(RUNS, json=RUN)
    server.down()
    with pytest.raises(httpx.ConnectError):
        http.get(RUNS)
    server.up()
    assert [run["event_id"] for run in http.get(RUNS).json()] == ["e-1"]


# -- what it is


def test_a_minute_of_the_tests_clock_is_the_minute_of_the_limit() -> None:
    clock = FakeClock()
    server = RunsServer(clock)
    server.rate_limit_rpm = 1
    with server.mounted() as url:
        assert [httpx.get(f"{url}{RUNS}").status_code for _ in range(2)] == [200, 429]
        clock.advance(59.9)
        assert httpx.get(f"{url}{RUNS}").status_code == 429
        clock.advance(0.1)
        assert httpx.get(f"{url}{RUNS}").status_code == 200


def test_a_run_is_created_in_the_time_of_the_tests_clock() -> None:
    server = RunsServer(FakeClock())
    with server.mounted() as url:
        httpx.post(f"{url}{RUNS}", json=RUN)
    assert server.run("e-1")["created_at"] == "2026-01-01T12:00:00.000000+00:00"


def test_the_same_runs_may_be_shown_as_the_reference_shows_them(
    server: RunsServer, http: httpx.Client
) -> None:
    assert http.post(RUNS, json=RUN).status_code == 201
    server.reference = True
    answer = http.post(RUNS, json=RUN)
    assert (answer.status_code, answer.json()["status"]) == (201, "duplicate")
    assert "x-telemetry-service" not in answer.headers
    assert http.post("/api/v1/records", json={"records": []}).status_code == 404


def test_the_reference_takes_nothing_that_is_compressed(
    server: RunsServer, http: httpx.Client
) -> None:
    server.reference = True
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = http.post(RUNS, content=gzip.compress(b"{}"), headers=headers)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "There was an error parsing the body"},
    )


def test_who_has_no_token_is_not_told_where_the_database_is(
    server: RunsServer, http: httpx.Client
) -> None:
    server.tokens = {"right"}
    assert http.get("/health").json()["db_path"] is None
    told = http.get("/health", headers={"authorization": "Bearer right"})
    assert told.json()["db_path"] == ":memory:"


def test_it_is_a_fixture_in_the_time_of_the_test(
    telemetry_runs_server: RunsServer, telemetry_clock: FakeClock
) -> None:
    telemetry_clock.advance(3600)
    httpx.post(f"{telemetry_runs_server.url}{RUNS}", json=RUN).raise_for_status()
    run = telemetry_runs_server.assert_run("crawler")
    assert run["created_at"] == "2026-01-01T13:00:00.000000+00:00"
