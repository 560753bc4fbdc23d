"""What local-telemetry left behind is taken over: databases of every schema, buffers, daily files."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.core.cli.terminal import typed
from tests.plugins.sqlite.care.conftest import SHAPES, fill
from tests.servers.run_service.deployment.service import Service, a_run, bare, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.warm import WarmInterpreter

RUNS = [("run-1", "success"), ("run-2", "failure"), ("run-3", "running")]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return tmp_path / "old.sqlite"


def made(path: Path, shape: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA synchronous = OFF;{SHAPES[shape]}{fill(SHAPES[shape])}")


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, warm_service: WarmInterpreter
) -> Iterator[Service]:
    """Have one service for all old databases: each takes the place of the one before, as it runs."""
    with Service.beside(tmp_path_factory.mktemp("running") / "store", warm_service) as service:
        yield service.ready()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_copy_of_an_old_database_is_served_once_it_is_upgraded(
    tmp_path: Path, old: Path, running: Service, shape: str
) -> None:
    made(old, shape)
    copy = shutil.copy(old, tmp_path / "copy.sqlite")
    db("migrate", "--yes", "--db", str(copy), folder=tmp_path)
    db("restore", "--yes", "--db", running.database, str(copy), folder=tmp_path)
    _, runs = running.get("/api/v1/runs")
    assert sorted((run["run_id"], run["status"]) for run in runs) == RUNS
    assert running.tell_a_run("new") == "created"
    assert running.get("/metrics")[1]["total_runs"] == len(RUNS) + 1


def db(*arguments: str, folder: Path) -> None:
    """Run a command of `telemetry db` in a child of this process, which has all it imports."""
    done = typed(["db", *arguments], bare(folder), folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_service_starts_with_a_database_that_was_upgraded(
    tmp_path: Path, old: Path, warm_service: WarmInterpreter
) -> None:
    made(old, "6-by-run")
    db("migrate", "--yes", "--db", str(old), folder=tmp_path)
    served = {"TELEMETRY_DB_PATH": str(old)}
    with Service.beside(tmp_path / "service", warm_service, **served) as service:
        assert len(service.ready().get("/api/v1/runs")[1]) == len(RUNS)


def test_an_old_database_is_refused_as_it_is_and_the_remedy_is_told(
    tmp_path: Path, old: Path, warm_service: WarmInterpreter
) -> None:
    made(old, "7-by-run")
    before = old.read_bytes()
    served = {"TELEMETRY_DB_PATH": str(old)}
    with Service.beside(tmp_path / "service", warm_service, **served) as service:
        assert service.end() == 5
    assert f"telemetry db migrate --db {old}" in service.said()
    assert old.read_bytes() == before


@pytest.fixture
def service(tmp_path: Path, warm_service: WarmInterpreter) -> Iterator[Service]:
    with Service.beside(tmp_path / "store", warm_service) as service:
        yield service.ready()


def buffered(**more: object) -> str:
    """Return a line of a buffer: the end of a run, as the client of then wrote it."""
    return json.dumps(a_run("buffered", created_at=None, record_type="run", **more)) + "\n"


def test_buffers_are_read_into_a_service_once_however_often_it_is_done(
    tmp_path: Path, service: Service, warm: WarmInterpreter
) -> None:
    folder = tmp_path / "telemetry_buffer"
    folder.mkdir()
    (folder / "telemetry_20260101_120000.jsonl.synced").write_text(buffered(status="running"))
    end = buffered(status="success", end_time="2026-01-01T12:05:00+00:00")
    (folder / "telemetry_20260101_120500.jsonl.active").write_text(end)
    for _ in range(2):
        telemetry(
            warm, "import", "buffer", "--again", str(folder), "--url", service.url, folder=tmp_path
        )
    _, runs = service.get("/api/v1/runs")
    assert [(run["event_id"], run["status"]) for run in runs] == [("buffered", "success")]


def test_daily_files_are_read_into_a_database_that_is_being_served(
    tmp_path: Path, service: Service, warm: WarmInterpreter
) -> None:
    service.tell_a_run("known")
    raw = tmp_path / "raw"
    raw.mkdir()
    event = {"run_id": "run-known", "event_type": "page", "timestamp": "2026-01-01T12:00:01Z"}
    lines = [
        {**a_run("known", status="success"), "record_type": "run"},
        {**a_run("never sent"), "record_type": "run"},
        {**event, "payload_json": '{"page": 1}', "id": None, "record_type": "event"},
    ]
    (raw / "events_20260101.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    database = str(tmp_path / "store" / "telemetry.sqlite")
    telemetry(warm, "db", "rebuild", "--db", database, "--from", str(raw), folder=tmp_path)
    _, runs = service.get("/api/v1/runs")
    assert {run["event_id"]: run["status"] for run in runs} == {
        "known": "success",
        "never sent": "running",
    }
    assert service.get("/api/v1/runs/known/events")[1][0]["payload_json"] == {"page": 1}
