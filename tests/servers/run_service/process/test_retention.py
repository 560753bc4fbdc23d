"""Nothing is deleted unless that was said twice: for how long runs are kept, and that it is meant."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_run_service.logs.lines import written
from telemetry_run_service.process.retention import Retention
from telemetry_run_service.settings.settings import ServiceSettings
from telemetry_sqlite import DatabaseWriter, RunFilter, RunQueries

from telemetry_core import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry import FakeClock

Lines = list[dict[str, Any]]
DAY = 86_400


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return a database with an old run, a new one, and an old one that has not ended."""
    path = str(tmp_path / "runs.sqlite")
    writer = DatabaseWriter(path)
    for name, created, status in (
        ("old", "2025-11-01T00:00:00+00:00", "success"),
        ("new", "2025-12-31T00:00:00+00:00", "failure"),
        ("waiting", "2025-11-01T00:00:00+00:00", "running"),
    ):
        fields: dict[str, Any] = {"start_time": created, "created_at": created, "status": status}
        stored, message = writer.insert_run(RunRecord(name, "crawler", "nightly", **fields))
        assert stored, message
    return path


@pytest.fixture
def sweep(database: str, telemetry_clock: FakeClock) -> Callable[..., Lines]:
    """Return what lets days pass with these settings, and returns what was logged."""

    def run(days: int = 0, **said: Any) -> Lines:
        stream = io.StringIO()
        settings = ServiceSettings(db_path=database, clock=telemetry_clock, **said)
        with written("INFO", "json", stream), Retention(settings):
            for _ in range(days):
                telemetry_clock.wait_for_waiters()
                telemetry_clock.advance(DAY)
            if settings.retention_days is not None:
                telemetry_clock.wait_for_waiters()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return run


def runs(database: str) -> set[str]:
    """Return the runs that are there."""
    return {run["run_id"] for run in RunQueries(database).list_runs(RunFilter(), limit=9).rows}


def test_without_a_number_of_days_nobody_looks(sweep: Callable[..., Lines], database: str) -> None:
    assert sweep(retention_dry_run=False) == []
    assert runs(database) == {"old", "new", "waiting"}


def test_a_dry_run_says_how_many_and_deletes_nothing(
    sweep: Callable[..., Lines], database: str
) -> None:
    (line,) = sweep(retention_days=30)
    assert line["message"] == "Old runs would be deleted"
    assert (line["days"], line["runs"], line["dry_run"]) == (30, 1, True)
    assert runs(database) == {"old", "new", "waiting"}


def test_what_is_old_and_over_is_deleted(sweep: Callable[..., Lines], database: str) -> None:
    (line,) = sweep(retention_days=30, retention_dry_run=False)
    assert (line["message"], line["runs"]) == ("Old runs deleted", 1)
    assert runs(database) == {"new", "waiting"}


def test_it_looks_once_a_day(sweep: Callable[..., Lines], database: str) -> None:
    lines = sweep(31, retention_days=30, retention_dry_run=False)
    assert len(lines) == 32
    assert sum(line["runs"] for line in lines) == 2
    assert runs(database) == {"waiting"}


def test_a_database_that_cannot_be_read_is_an_error_and_looked_at_again(
    sweep: Callable[..., Lines], database: str
) -> None:
    with open(database, "wb") as file:
        file.write(b"no database " * 100)
    lines = sweep(1, retention_days=30, retention_dry_run=False)
    assert [line["level"] for line in lines] == ["ERROR", "ERROR"]
