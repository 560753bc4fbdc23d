"""`runs tail` tells what happens as it reaches the store, line by line, until it is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import TelemetryClient, load_config
from tests.core.cli.conftest import TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tail = subprocess.Popen[str]


@pytest.fixture
def tail(request: pytest.FixtureRequest) -> Callable[..., Tail]:
    """Return what starts `runs tail`; it is gone after the test."""

    def start(*options: str) -> Tail:
        process = subprocess.Popen(
            [*TELEMETRY, "runs", "tail", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        request.addfinalizer(process.communicate)
        request.addfinalizer(process.kill)
        return process

    return start


def told(process: Tail) -> Iterator[dict[str, Any]]:
    """Give what is told as JSON, a line each, as it is told."""
    assert process.stdout is not None
    return (json.loads(line) for line in process.stdout)


def news(process: Tail) -> Iterator[dict[str, Any]]:
    """Give what is told after the one run that was there already: from then on it follows."""
    lines = told(process)
    assert "run" in next(lines)
    return lines


def job(client: TelemetryClient, name: str, **fields: Any) -> str:
    """Record a run from its beginning to its end, and see it delivered."""
    run_id = client.start_run("worker", name, **fields)
    client.end_run(run_id)
    assert client.flush()
    return run_id


def test_the_last_runs_come_first_and_then_new_ones(tail: Any, recorded: Any) -> None:
    lines = told(tail("--json", "-n", "2"))
    assert [next(lines)["run"]["job_type"] for _ in range(2)] == ["fetch_page", "orders"]
    with TelemetryClient(load_config()) as client:
        job(client, "new")
    assert next(lines)["run"]["job_type"] == "new"


def test_it_waits_for_a_database_that_does_not_exist_yet(tail: Any) -> None:
    lines = told(tail("--json"))
    with TelemetryClient(load_config()) as client:
        job(client, "first")
    run = next(lines)["run"]
    assert (run["job_type"], run["id"]) == ("first", 1)


def test_a_run_is_told_when_it_begins_changes_and_ends(tail: Any, recorded: Any) -> None:
    lines = news(tail("--json", "-n", "1"))
    with TelemetryClient(load_config()) as client:
        run_id = client.start_run("worker", "long")
        client.flush()
        assert next(lines)["run"]["status"] == "running"
        client.associate_commit(run_id, "abc1234", "manual")
        client.flush()
        assert next(lines)["run"]["git_commit_hash"] == "abc1234"
        client.end_run(run_id)
        client.flush()
        assert next(lines)["run"]["status"] == "success"


def test_events_are_told_between_beginning_and_end(tail: Any, recorded: Any) -> None:
    lines = news(tail("--json", "--events", "-n", "1"))
    with TelemetryClient(load_config()) as client:
        run_id = client.start_run("worker", "long")
        client.log_event(run_id, "step", {"number": 1})
        client.end_run(run_id)
    seen = [next(lines)]
    while "run" not in seen[-1] or seen[-1]["run"]["status"] == "running":
        seen.append(next(lines))
    (event,) = [line["event"] for line in seen if "event" in line]
    assert (event["event_type"], event["payload_json"]) == ("step", {"number": 1})


def test_filters_hold_for_runs_and_their_events(tail: Any, recorded: Any) -> None:
    lines = news(tail("--json", "--events", "-n", "1", "--job", "orders"))
    with TelemetryClient(load_config()) as client:
        client.log_event(job(client, "other"), "not this")
        client.log_event(job(client, "orders"), "this")
        client.flush()
    assert next(lines)["run"]["job_type"] == "orders"
    assert next(lines)["event"]["event_type"] == "this"


def test_what_a_killed_program_left_is_told_when_it_arrives(
    tail: Any, recorded: Any, killed: Any, call: Any
) -> None:
    killed()
    lines = news(tail("--json", "-n", "1", "--agent", "worker"))
    call("flush")
    run = next(lines)["run"]
    assert (run["status"], run["inferred"]) == ("cancelled", True)


def test_ctrl_c_ends_it_with_130(tail: Any, recorded: Any) -> None:
    process = tail("-n", "1")
    assert "orders" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert "Traceback" not in process.stderr.read()


def test_it_ends_quietly_when_its_reader_has_gone_and_nothing_happens(
    tail: Any, recorded: Any
) -> None:
    process = tail("-n", "1")
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=30) == 1
    assert process.stderr.read() == ""


def test_people_read_a_line_for_each(tail: Any, recorded: Any) -> None:
    words = tail("-n", "1").stdout.readline().split()
    assert words[1:5] == ["failure", "importer", "·", "orders"]
    assert "no room" in " ".join(words)
