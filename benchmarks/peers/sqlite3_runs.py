"""A runs table by hand: a transaction for the start and one for the end."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.contender import Contender

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "sqlite3 by hand"
REQUIREMENTS = ()


def begin(_url: str, directory: str, _room: int | None) -> Contender:
    """Begin with SQLite's safest settings, DELETE and FULL, as our sink has them."""
    connection = sqlite3.connect(Path(directory, "runs.sqlite"), isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE runs (run_id TEXT PRIMARY KEY, agent TEXT, job TEXT, status TEXT,"
        " start_time TEXT, end_time TEXT)"
    )
    numbers = count()

    def tell(_properties: Properties) -> None:
        run = f"run-{next(numbers):010d}"
        connection.execute(
            "INSERT INTO runs VALUES (?, 'crawler', 'crawl', 'running', ?, NULL)", (run, _now())
        )
        connection.execute(
            "UPDATE runs SET status = 'success', end_time = ? WHERE run_id = ?", (_now(), run)
        )

    return Contender(tell, lambda: None, connection.close)


def _now() -> str:
    return datetime.now(UTC).isoformat()
