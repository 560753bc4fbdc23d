"""What the machine itself asks for the same, without a line of ours."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.json import Encoder

from benchmarks.story import laps, payloads, spread
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

sync = getattr(os, "fdatasync", os.fsync)  # which Linux has, and macOS has not
EVENTS = 50_000
SYNCS = 200
A_TRANSACTION = 500


def write_lines(directory: str) -> dict[str, float]:
    """Encode eight properties and append them by one `write`: less is not durable."""
    encode, write = Encoder().encode, os.write
    path = Path(directory, "floor")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        lines = laps(
            lambda payload: write(descriptor, encode(payload)), zip(payloads(EVENTS), strict=True)
        )
    finally:
        os.close(descriptor)
    return spread(lines) | {"per_second": EVENTS / sum(lines) * 1e9}


def sync_lines(directory: str) -> dict[str, float]:
    """Append lines and have the disk take each: what power loss cannot undo."""
    with Path(directory, "floor").open("ab", buffering=0) as file:
        descriptor = file.fileno()

        def write(line: bytes) -> None:
            file.write(line)
            sync(descriptor)

        return spread(laps(write, [(b"x" * 300,)] * SYNCS))


def insert_rows(directory: str) -> dict[str, float]:
    """Insert rows by a bare `executemany`, as many a transaction as the sink does."""
    rows = [
        (f"{number:036d}", "run", "page_fetched", "2026-01-01T00:00:00.000000+00:00", "x" * 150)
        for number in range(EVENTS)
    ]
    with closing(sqlite3.connect(Path(directory, "floor"), isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            "CREATE TABLE events (event_id TEXT UNIQUE, run_id TEXT, event_type TEXT,"
            " timestamp TEXT, payload_json TEXT)"
        )
        connection.execute("CREATE INDEX by_run ON events (run_id, timestamp)")

        def insert(some: Sequence[tuple[str, ...]]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", some)
            connection.execute("COMMIT")

        batches = [rows[start : start + A_TRANSACTION] for start in range(0, EVENTS, A_TRANSACTION)]
        taken = laps(insert, zip(batches, strict=True))
    return {"per_second": EVENTS / sum(taken) * 1e9}


CASES = {"write": write_lines, "sync": sync_lines, "insert": insert_rows}
ROWS = (
    Row("floor: msgspec and one `os.write`, p50", "floor.write", "p50_us", "µs"),
    Row("floor: the same, mean", "floor.write", "mean_us", "µs"),
    Row("floor: the same, as many a second", "floor.write", "per_second", "/s", at_least=True),
    Row("floor: one `os.write` and `fdatasync`, p50", "floor.sync", "p50_us", "µs", steady=False),
    Row("floor: bare `executemany`, 500 a transaction", "floor.insert", "per_second", "/s"),
)
