"""With the run service itself: what a program records arrives, and can be asked for."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_http_api import APIValidationError, HTTPAPIClient, HttpApiSink, cleanup_stale_runs
from telemetry_http_api.buffer_files import find_files
from telemetry_http_api.importing import BufferImport

from telemetry_core import TelemetryClient, TelemetryConfig
from tests.core.cli.terminal import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.run_service.process.conftest import Service

    Start = Callable[..., Service]

RUN = {
    "event_id": "e-1",
    "run_id": "r-1",
    "agent_name": "crawler",
    "job_type": "nightly",
    "start_time": "2026-01-01T12:00:00+00:00",
    "created_at": "2026-01-01T12:00:00+00:00",
}


@pytest.fixture
def service(serve: Start) -> Service:
    return serve()


@pytest.fixture
def client(service: Service, tmp_path: Path) -> Iterator[TelemetryClient]:
    with TelemetryClient(config_for(service, tmp_path)) as client:
        yield client


def config_for(service: Service, folder: Path) -> TelemetryConfig:
    return TelemetryConfig(
        active=["http_api"],
        base_dir=folder / "base",
        plugins={"http_api": {"url": service.said["url"]}},
        test_mode="live",
    )


def rows(service: Service, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(service.said["db_path"])) as connection:
        return connection.execute(sql).fetchall()


def test_an_api_url_alone_has_everything_stored_by_the_service(
    service: Service, tmp_path: Path
) -> None:
    environ = {
        "TELEMETRY_API_URL": service.said["url"],
        "TELEMETRY_BASE_DIR": str(tmp_path / "base"),
        "TELEMETRY_TEST_MODE": "live",
        "TELEMETRY_EXIT_TIMEOUT": "30",
    }
    assert typed(["track", "--", sys.executable, "-c", "pass"], environ, tmp_path).returncode == 0
    ((run_id, status),) = rows(service, "SELECT run_id, status FROM agent_runs")
    assert status == "success"
    shown = json.loads(typed(["runs", "show", run_id, "--json"], environ, tmp_path).stdout)
    assert shown["run"]["run_id"] == run_id
    stats = json.loads(typed(["runs", "stats", "--json"], environ, tmp_path).stdout)
    assert (stats["runs"], stats["success_rate"]) == (1, 1.0)
    assert typed(["health"], environ, tmp_path).returncode == 0


def test_a_service_that_was_killed_and_started_again_misses_nothing(
    serve: Start, service: Service, client: TelemetryClient
) -> None:
    with client.track_run("crawler", "before") as run:
        assert client.flush(20)
        service.stop(signal.SIGKILL)
        run.log_event("page", {"n": 1})
        run.set_metrics(items_succeeded=3)
    with client.track_run("crawler", "between") as between:
        between.log_event("page", {"n": 2})
    assert not client.flush(0.5)
    again = serve("--port", str(service.address[1]))
    assert client.flush(20)
    sql = "SELECT job_type, status, items_succeeded FROM agent_runs ORDER BY job_type"
    assert rows(again, sql) == [("before", "success", 3), ("between", "success", 0)]
    assert rows(again, "SELECT count(*) FROM run_events") == [(2,)]


def test_a_commit_replaces_one_that_was_found_at_the_start(
    service: Service, client: TelemetryClient, tmp_path: Path
) -> None:
    run_id = client.start_run("crawler", "nightly", git_commit_hash="0000000")
    for number in range(3):
        client.update_run(run_id, items_succeeded=number)
    client.end_run(run_id)
    assert client.flush(20)
    with TelemetryClient(config_for(service, tmp_path)) as other:
        assert other.associate_commit(run_id, "abc1234", "ci", "Ada")[0]
        assert other.flush(20)
    sql = "SELECT git_commit_hash, git_commit_author, items_succeeded, status FROM agent_runs"
    assert rows(service, sql) == [("abc1234", "Ada", 2, "success")]


def test_the_store_answers_what_the_commands_ask(service: Service, client: TelemetryClient) -> None:
    with client.track_run("crawler", "nightly") as run:
        run.log_event("page", {"n": 1})
        child = client.start_run("parser", "page")
    client.end_run(child, "failure")
    assert client.flush(20)
    store = HttpApiSink(url=service.said["url"]).runs_store()
    assert [row["run_id"] for row in store.children(run.run_id)] == [child]
    assert (store.find_run(run.run_id[:-2]) or {})["revision"] >= 1
    assert [row["payload_json"] for row in store.list_events(run.run_id).rows] == [{"n": 1}]
    assert [*store.job_types()] == ["nightly", "page"]
    assert store.get_stats()["by_status"] == {"success": 1, "failure": 1}
    assert len(store.list_runs(limit=1, after=store.list_runs(limit=1).next).rows) == 1


def test_the_client_of_the_routes_speaks_to_it(service: Service) -> None:
    with HTTPAPIClient(service.said["url"]) as client:
        assert client.post_event(RUN)["status"] == "created"
        assert client.post_event(RUN)["status"] == "duplicate"
        assert client.patch_event("e-1", {"items_succeeded": 2})["updated"]
        assert client.associate_commit("e-1", "abc1234", "ci")["status"] == "success"
        with pytest.raises(APIValidationError):
            client.post_event({**RUN, "event_id": "e-2", "status": "sleeping"})
        assert client.check_health()
        assert (client.get_metrics() or {})["total_runs"] == 1


def test_stale_runs_are_ended(service: Service) -> None:
    with HTTPAPIClient(service.said["url"]) as client:
        client.post_event(RUN)
        result = cleanup_stale_runs(service.said["url"], "crawler")
        assert (result["found"], result["cleaned"], result["errors"]) == (1, 1, [])
        assert (client.get_run("e-1") or {})["status"] == "cancelled"


def test_a_buffer_is_imported(service: Service, tmp_path: Path) -> None:
    end = {"status": "success", "end_time": "2026-01-01T13:00:00+00:00", "created_at": None}
    lines = [json.dumps(RUN), json.dumps({**RUN, **end})]
    (tmp_path / "telemetry_1.jsonl.ready").write_text("\n".join(lines))
    sink = HttpApiSink(url=service.said["url"])
    (done,) = BufferImport(sink).run(find_files(tmp_path))
    sink.close()
    assert (done.sent, done.refused, done.file) == (2, [], "telemetry_1.jsonl.synced")
    sql = "SELECT status, created_at FROM agent_runs"
    assert rows(service, sql) == [("success", "2026-01-01T12:00:00.000000+00:00")]
