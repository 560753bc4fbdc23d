"""A database that is locked, gone, replaced or full is a 503 in JSON, and nothing is half written."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.disks import small_disk
from tests.servers.run_service.asking import RUNS, Asked, locked, run

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = {"commit_hash": "abcdef1", "commit_source": "ci"}
RECORD = {
    "kind": "event",
    "id": "event",
    "seq": 1,
    "time": 1,
    "body": {"event_type": "page", "run_id": "run-e1"},
}
WRITES: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", RUNS, run("new"), "Failed to create run"),
    ("POST", f"{RUNS}/batch", [run("new")], "Failed to create runs"),  # type: ignore[list-item]
    ("PATCH", f"{RUNS}/e1", {"items_failed": 1}, "Failed to update run"),
    ("POST", f"{RUNS}/e1/associate-commit", COMMIT, "Database error"),
    ("POST", "/api/v1/records", {"records": [RECORD]}, "Failed to store records"),
]
READS = [
    ("/health", "Database error"),
    ("/metrics", "Failed to fetch metrics"),
    ("/api/v1/metadata", "Failed to fetch metadata"),
    (RUNS, "Failed to query runs"),
    (f"{RUNS}/e1", "Failed to fetch run"),
    (f"{RUNS}/e1/events", "Failed to fetch events"),
    (f"{RUNS}/e1/commit-url", "Failed to get commit URL"),
    (f"{RUNS}/e1/repo-url", "Failed to get repo URL"),
]


@pytest.mark.parametrize(("method", "path", "body", "what"), WRITES, ids=[w[3] for w in WRITES])
def test_a_write_into_a_locked_database_is_503(
    hurried: Asked, method: str, path: str, body: Any, what: str
) -> None:
    hurried.post(RUNS, json=run())
    with locked(hurried.database, "IMMEDIATE"):
        answer = hurried.ask(method, path, json=body)
        assert [found["event_id"] for found in hurried.get(RUNS).json()] == ["e1"]
    assert answer.status_code == 503
    assert answer.json() == {"detail": f"{what}: database is locked"}
    assert answer.headers["Retry-After"] == "1"
    assert hurried.ask(method, path, json=body).status_code in {200, 201}


@pytest.mark.parametrize(("path", "what"), READS, ids=[what for _, what in READS])
def test_a_read_from_a_locked_database_is_503(hurried: Asked, path: str, what: str) -> None:
    hurried.post(RUNS, json=run())
    with locked(hurried.database):
        answer = hurried.get(path)
    assert answer.status_code == 503
    assert answer.json() == {"detail": f"{what}: database is locked"}
    assert answer.headers["Retry-After"] == "1"
    assert hurried.get(path).status_code == 200


def test_a_database_that_is_gone_is_503_until_a_write_begins_another(hurried: Asked) -> None:
    hurried.post(RUNS, json=run())
    hurried.database.unlink()
    answer = hurried.get(f"{RUNS}/e1")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "Failed to fetch run: unable to open database file"}
    assert hurried.get("/health").status_code == 503
    assert hurried.post(RUNS, json=run("new")).status_code == 201
    assert [found["event_id"] for found in hurried.get(RUNS).json()] == ["new"]
    assert hurried.get("/health").status_code == 200


def test_a_database_that_was_replaced_is_the_one_that_is_served(hurried: Asked) -> None:
    hurried.post(RUNS, json=run())
    backup = hurried.database.with_suffix(".backup")
    shutil.copy(hurried.database, backup)
    hurried.post(RUNS, json=run("later"))
    os.replace(backup, hurried.database)
    assert [found["event_id"] for found in hurried.get(RUNS).json()] == ["e1"]
    hurried.post(RUNS, json=run("anew"))
    with closing(sqlite3.connect(hurried.database)) as other:
        found = other.execute("SELECT event_id FROM agent_runs ORDER BY id").fetchall()
    assert found == [("e1",), ("anew",)]


def test_a_folder_that_is_gone_and_cannot_be_made_is_503(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    with Asked(folder / "runs.sqlite", busy_timeout_ms=50) as service:
        shutil.rmtree(folder)
        folder.write_text("in the way")
        answer = service.post(RUNS, json=run())
        assert answer.status_code == 503
        assert str(folder) not in answer.text
        folder.unlink()
        assert service.post(RUNS, json=run()).status_code == 201


def test_another_programs_database_in_its_place_is_503_and_left_alone(hurried: Asked) -> None:
    hurried.database.unlink()
    with closing(sqlite3.connect(hurried.database)) as other:
        other.execute("CREATE TABLE theirs (x)")
    assert hurried.post(RUNS, json=run()).status_code == 503
    assert hurried.get(RUNS).status_code == 503
    with closing(sqlite3.connect(hurried.database)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_full_disk_is_503_and_what_was_there_is_still_read(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk") as disk,
        Asked(disk / "runs.sqlite", busy_timeout_ms=1000) as service,
    ):
        service.post(RUNS, json=run())
        large = [run(f"large-{n}", input_summary="x" * 100_000) for n in range(60)]
        answer = service.post(f"{RUNS}/batch", json=large)
        assert answer.status_code == 503
        assert answer.json() == {"detail": "Failed to create runs: database or disk is full"}
        assert answer.headers["Retry-After"] == "30"
        assert [found["event_id"] for found in service.get(RUNS).json()] == ["e1"]
        assert service.post(RUNS, json=run("small")).status_code == 201
        assert service.get("/health").status_code == 200
        with closing(sqlite3.connect(service.database)) as file:
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
