"""The contract over the sink that keeps a database."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from pytest_telemetry import SinkContract
from pytest_telemetry.contract import out_of_reach
from telemetry_sqlite import SqliteSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


class TestSqliteSink(SinkContract):
    secret = ""

    def make_sink(self, where: Path) -> SqliteSink:
        return SqliteSink(db_path=_database(where))

    def delivered(self, where: Path) -> list[str]:
        if not _database(where).exists():
            return []
        sql = "SELECT event_id FROM run_events UNION ALL SELECT event_id FROM agent_runs"
        with closing(sqlite3.connect(_database(where))) as connection:
            return [event_id for (event_id,) in connection.execute(sql)]

    def status_of_run(self, where: Path, event_id: str) -> str:
        sql = "SELECT status FROM agent_runs WHERE event_id = ?"
        with closing(sqlite3.connect(_database(where))) as connection:
            (status,) = connection.execute(sql, [event_id]).fetchone()
        return str(status)

    def break_destination(self, where: Path) -> AbstractContextManager[None]:
        return out_of_reach(_database(where).parent)

    @contextmanager
    def hang_destination(self, where: Path) -> Iterator[None]:
        """Have another program hold the file's lock."""
        _database(where).parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(_database(where), isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield


def _database(where: Path) -> Path:
    return where / "db" / "telemetry.sqlite"
