"""Whatever becomes of the service, every record of a program arrives, the ends of its runs included."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import TelemetryClient, TelemetryConfig, load_config
from tests.core.cli.terminal import typed
from tests.forked import ended, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_telemetry import RunsServer


def config_for(server: RunsServer, folder: Path, **settings: Any) -> TelemetryConfig:
    return TelemetryConfig(
        active=["http_api"],
        base_dir=folder / "base",
        plugins={"http_api": {"url": server.url, **settings}},
        test_mode="live",
        on_error="log",
    )


def tell(client: TelemetryClient) -> str:
    """Say a whole story: a run, two events, a metric, an end."""
    with client.track_run("crawler", "nightly") as run:
        run.log_event("page", {"n": 1})
        run.set_metrics(items_succeeded=7)
        run.log_event("page", {"n": 2})
    return run.run_id


def all_is_there(server: RunsServer, run_id: str) -> bool:
    if not server.runs:
        return False
    run = server.run(run_id)
    events = 0 if server.reference else 2
    return (run["status"], run["items_succeeded"], len(server.events)) == ("success", 7, events)


@contextmanager
def refusing(server: RunsServer) -> Iterator[None]:
    server.down()
    yield
    server.up()


@contextmanager
def hanging(server: RunsServer) -> Iterator[None]:
    fault = server.hang()
    yield
    server.clear(fault)


@contextmanager
def unwell(server: RunsServer) -> Iterator[None]:
    fault = server.fail(503)
    yield
    server.clear(fault)


@contextmanager
def mute(server: RunsServer) -> Iterator[None]:
    fault = server.lose_reply()
    yield
    server.clear(fault)


OUTAGES = [refusing, hanging, unwell, mute]


@pytest.fixture(params=["ours", "reference"])
def either(request: pytest.FixtureRequest) -> RunsServer:
    found: RunsServer = request.getfixturevalue(
        "server" if request.param == "ours" else "reference"
    )
    return found


@pytest.mark.parametrize("outage", OUTAGES)
def test_what_is_told_during_an_outage_arrives_after_it(
    either: RunsServer, tmp_path: Path, outage: Callable[[RunsServer], AbstractContextManager[None]]
) -> None:
    with TelemetryClient(config_for(either, tmp_path)) as client:
        with outage(either):
            run_id = tell(client)
            client.flush(0.2)
        assert client.flush(20)
    assert all_is_there(either, run_id)


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_end_that_is_told_during_an_outage_arrives_after_it(
    either: RunsServer, tmp_path: Path, outage: Callable[[RunsServer], AbstractContextManager[None]]
) -> None:
    with TelemetryClient(config_for(either, tmp_path)) as client:
        run_id = client.start_run("crawler", "nightly")
        assert client.flush(5)
        with outage(either):
            client.end_run(run_id, "success", items_succeeded=7)
            client.flush(0.2)
        assert client.flush(10)
    assert (either.run(run_id)["status"], either.run(run_id)["items_succeeded"]) == ("success", 7)


def test_a_program_that_is_killed_while_the_service_is_down_has_lost_nothing(
    server: RunsServer, tmp_path: Path
) -> None:
    config = config_for(server, tmp_path)
    server.down()

    def program() -> None:
        client = TelemetryClient(config)
        tell(client)
        client.start_run("crawler", "abandoned")
        os.kill(os.getpid(), signal.SIGKILL)

    assert ended(forked(program)) in {-signal.SIGKILL, 128 + signal.SIGKILL}
    server.up()
    with TelemetryClient(config) as client:
        client.capture("hello")
        assert client.flush(10)
    by_job = {run["job_type"]: run for run in server.runs.values()}
    assert by_job["nightly"]["status"] == "success"
    assert (by_job["abandoned"]["status"], by_job["abandoned"]["inferred"]) == ("cancelled", True)
    assert [event["event_type"] for event in server.events].count("page") == 2


def test_a_service_that_forgot_what_it_did_not_confirm_is_told_again(
    server: RunsServer, tmp_path: Path
) -> None:
    config = config_for(server, tmp_path)
    with TelemetryClient(config) as client:
        server.fail(500)
        run_id = tell(client)
        client.flush(0.2)
        server.clear()
        assert client.flush(10)
    assert all_is_there(server, run_id)


def test_a_wrong_token_buries_nothing_and_the_right_one_delivers(
    server: RunsServer, tmp_path: Path
) -> None:
    server.tokens.add("right")
    with TelemetryClient(config_for(server, tmp_path, token="wrong")) as client:
        run_id = tell(client)
        report = client.flush(5)
        assert not report
    with TelemetryClient(config_for(server, tmp_path, token="right")) as client:
        client.capture("hello")
        assert client.flush(10)
    assert server.run(run_id)["status"] == "success"


# -- without a configuration file


def test_an_api_url_alone_puts_http_api_in_the_place_of_sqlite(
    server: RunsServer, tmp_path: Path
) -> None:
    environ = {
        "TELEMETRY_API_URL": server.url,
        "TELEMETRY_BASE_DIR": str(tmp_path / "base"),
        "TELEMETRY_TEST_MODE": "live",
        "TELEMETRY_EXIT_TIMEOUT": "30",
    }
    config = load_config(environ=environ)
    assert config.active == ("http_api", "ndjson")
    done = typed(["track", "--", sys.executable, "-c", "pass"], environ, tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = server.runs.values()
    assert run["status"] == "success"
    shown = typed(["runs", "list"], environ, tmp_path).stdout.decode()
    assert run["run_id"] in shown
    assert not (tmp_path / "base" / "db").exists()
    assert len([*(tmp_path / "base" / "raw").glob("*.ndjson")]) == 1


def test_a_commit_is_tied_to_a_run_that_another_program_ended(
    either: RunsServer, tmp_path: Path
) -> None:
    with TelemetryClient(config_for(either, tmp_path)) as client:
        run_id = tell(client)
        assert client.flush(5)
    with TelemetryClient(config_for(either, tmp_path)) as client:
        done, words = client.associate_commit(run_id, "abc1234", "ci", "Ada")
        assert (done, words) == (True, f"[OK] Commit abc1234 associated with {run_id}")
        assert client.flush(5)
        assert client.get_stats()["total_runs"] == 1
    run = either.run(run_id)
    assert (run["git_commit_hash"], run["git_commit_author"], run["status"]) == (
        "abc1234",
        "Ada",
        "success",
    )


def test_a_question_to_a_service_that_is_down_breaks_no_program(
    server: RunsServer, tmp_path: Path
) -> None:
    server.down()
    with TelemetryClient(config_for(server, tmp_path)) as client:
        done, words = client.associate_commit("r-1", "abc1234", "ci")
        assert (done, "does not answer" in words) == (False, True)
        assert client.get_stats()["total_runs"] == 0
