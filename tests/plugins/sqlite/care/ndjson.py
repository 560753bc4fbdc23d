"""NDJSON files, what rebuilds a database from them, and what is in it then."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_sqlite.care.ndjson_files import find_files
from telemetry_sqlite.care.rebuilding import Rebuild, rebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = Path(__file__).parents[3] / "golden" / "events_20260101.ndjson"


def rows_of(path: str | Path, table: str) -> list[tuple[Any, ...]]:
    """Return the rows of a table without their numbers, comparable whatever came first."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(f"SELECT * FROM {table}").fetchall()
    return sorted((row[1:] for row in found), key=repr)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Keep others from writing, as a foreign program does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


class Lines:
    """A directory of NDJSON files, and a database beside it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "raw"
        self.directory.mkdir()
        self.database = directory / "telemetry.sqlite"
        self.file = self.directory / "events_20260102.ndjson"

    def write(self, *lines: dict[str, Any] | bytes) -> None:
        with self.file.open("ab") as file:
            for line in lines:
                file.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")

    def rebuild(self, *sources: Path) -> Rebuild:
        files = find_files(sources or [self.directory])
        return rebuild(str(self.database), files, wait=20, progress=lambda done, total: None)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        return rows_of(self.database, table)

    def ask(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql).fetchall()


def run_line(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "run_id": f"run-{number}",
        "event_id": f"uuid-{number}",
        "agent_name": "crawler",
        "job_type": "nightly",
        "start_time": "2026-01-02T12:00:00+00:00",
        "status": "running",
        "record_type": "run",
        **fields,
    }


def event_line(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "run_id": "run-1",
        "event_type": "page",
        "timestamp": f"2026-01-02T12:00:00.{number:06}+00:00",
        "payload_json": json.dumps({"n": number}),
        "id": None,
        "record_type": "event",
        **fields,
    }
