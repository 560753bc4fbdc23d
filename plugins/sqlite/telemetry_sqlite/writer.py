"""Writes single runs without a client: each call a connection and a transaction of its own."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from attrs import evolve

from telemetry_core import (
    Kind,
    Lane,
    Record,
    RunRecord,
    SystemClock,
    TelemetryError,
    get_iso8601_timestamp,
)
from telemetry_sqlite.database import Database, reading
from telemetry_sqlite.queries import RunQueries
from telemetry_sqlite.rows import run_of, utc
from telemetry_sqlite.store import store_records, stored_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

Answer = tuple[bool, str]


class DatabaseWriter:
    """Inserts, updates and reads runs directly.

    What writes never raises: it answers whether it worked, and a sentence that begins with
    `[OK]` or `[FAIL]`. What reads raises `DatabaseUnusableError`, since an empty answer would say
    that there is nothing. A run may be named by its run id or its event id; of several runs with
    one run id the newest is meant.
    """

    def __init__(self, database_path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.path.expanduser(database_path))
        self._queries = RunQueries(self.path)

    def insert_run(self, run: RunRecord) -> Answer:
        """Store a run; one whose event id is known already is merged into what is stored."""

        def insert(connection: Connection) -> Answer:
            return _put(connection, run) or (True, f"[OK] Run stored: {run.run_id}")

        return _no_run(run) or self._write(insert)

    def update_run(self, run: RunRecord) -> Answer:
        """Change a stored run to what the record says.

        Empty fields leave what is stored, and the first explicit end of a run stays its end.
        """

        def update(connection: Connection) -> Answer:
            stored = stored_runs(connection, [run.event_id]).get(run.event_id)
            if stored is None:
                return False, f"[FAIL] Run not found: {run.run_id}; insert it first"
            newer = evolve(run, revision=max(run.revision, stored.revision + 1), updated_at=None)
            return _put(connection, newer) or (True, f"[OK] Run updated: {run.run_id}")

        return _no_run(run) or self._write(update)

    def get_run(self, run_id: str) -> RunRecord | None:
        """Return a run, or nothing when there is none."""
        return self._queries.get_run(run_id)

    def mark_api_posted(self, run_id: str, posted_at: str | None = None) -> Answer:
        """Note that a run has reached the reporting endpoint, now or at a given time."""
        moment = utc(posted_at) or get_iso8601_timestamp()
        return self._change(run_id, "api_posted = 1, api_posted_at = ?", moment)

    def increment_api_retry_count(self, run_id: str) -> Answer:
        """Note that one more try to post a run has failed."""
        return self._change(run_id, "api_retry_count = coalesce(api_retry_count, 0) + 1")

    def get_pending_api_posts(self, limit: int = 100) -> list[RunRecord]:
        """Return runs that have ended and were not yet posted, the oldest first."""
        return [run_of(row) for row in self._queries.pending_api_posts(limit)]

    def get_run_stats(self) -> dict[str, Any]:
        """Return total_runs, by_status, agents, recent_24h, pending_api_posts and the timestamp."""
        return self._queries.get_stats()

    def check_integrity(self, quick: bool = True) -> Answer:
        """Let SQLite look the file over; without `quick` its indexes too, which takes longer."""
        pragma = "quick_check" if quick else "integrity_check"
        try:
            with reading(self.path) as connection:
                if connection is None:
                    return True, "[OK] No database has been begun"
                found = [line for (line,) in connection.execute(f"PRAGMA {pragma}")]
        except TelemetryError as error:
            return False, f"[FAIL] {error}"
        if found == ["ok"]:
            return True, f"[OK] {pragma} found nothing wrong"
        return False, f"[FAIL] {pragma}: {'; '.join(found[:5])}"

    def _change(self, run_id: str, assignments: str, *values: Any) -> Answer:
        if not isinstance(run_id, str):
            return False, f"[FAIL] A run id is a text, not {run_id!r}"
        try:
            found = self._queries.get_run(run_id)
        except TelemetryError as error:
            return False, f"[FAIL] {error}"
        if found is None:
            return False, f"[FAIL] Run not found: {run_id}"
        sql = f"UPDATE agent_runs SET {assignments} WHERE event_id = ?"
        bound = (*values, found.event_id)
        message = f"[OK] Run updated: {found.run_id}"
        return self._write(lambda connection: (bool(connection.execute(sql, bound)), message))

    def _write(self, work: Callable[[Connection], Answer]) -> Answer:
        try:
            with closing(Database(self.path)) as database:
                return database.write(work)
        except (sqlite3.Error, OSError, TelemetryError) as error:
            return False, f"[FAIL] {self.path}: {error}"


def _no_run(run: object) -> Answer | None:
    """Answer only when it is not a run."""
    return None if isinstance(run, RunRecord) else (False, f"[FAIL] Not a RunRecord: {run!r}")


def _put(connection: Connection, run: RunRecord) -> Answer | None:
    """Store a run; answer only when it cannot be stored."""
    kind = Kind.END_RUN if run.ended else Kind.UPDATE_RUN
    record = Record(run.event_id, kind, 0, SystemClock.time_ns(), Lane.CRITICAL, run)
    for rejection in store_records(connection, [record]).values():
        return False, f"[FAIL] {run.run_id}: {rejection.reason}"
    return None
