"""Notes in the rows of runs what became of them at a reporting endpoint."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from telemetry_core import SystemClock
from telemetry_sqlite.database import Database
from telemetry_sqlite.store import stored_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Connection

_PATIENCE = 0.5  # seconds to wait for who writes: nobody is to wait for a note
_POSTED = "UPDATE agent_runs SET api_posted = 1, api_posted_at = ? WHERE event_id = ?"
_FAILED = (
    "UPDATE agent_runs SET api_retry_count = coalesce(api_retry_count, 0) + ? WHERE event_id = ?"
)


def note_posts(path: str, posted: Mapping[str, str], failed: Mapping[str, int]) -> set[str]:
    """Note when runs were posted and how often it failed, by event id; return those that are stored.

    Raises what writing to a database does, when it is busy too.
    """

    def note(connection: Connection) -> set[str]:
        known = stored_ids(connection, [*posted.keys() | failed.keys()])
        connection.executemany(_POSTED, [(posted[run], run) for run in known & posted.keys()])
        connection.executemany(_FAILED, [(failed[run], run) for run in known & failed.keys()])
        return known

    if not os.path.exists(path):
        return set()
    with closing(Database(path)) as database:
        return database.write(note, SystemClock.monotonic() + _PATIENCE)
