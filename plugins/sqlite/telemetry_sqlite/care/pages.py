"""The free pages of a file: whether and how they are given back to the disk."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from telemetry_sqlite.care.explaining import explaining
from telemetry_sqlite.care.pace import Pace
from telemetry_sqlite.database import BUSY_TIMEOUT, Database, reading

if TYPE_CHECKING:
    from sqlite3 import Connection

    from telemetry_sqlite.care.progress import Shown

_INCREMENTAL = 2


def used_bytes(path: str, patience: float = BUSY_TIMEOUT) -> int:
    """Return how many bytes of the file hold something."""
    with reading(path, patience) as connection:
        if connection is None:
            return 0
        pages, free, size = (
            _pragma(connection, name) for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


def reclaims(connection: Connection) -> bool:
    """Whether free pages of the file can be given back without rewriting it."""
    return _pragma(connection, "auto_vacuum") == _INCREMENTAL


def gives_back(path: str) -> bool:
    """Whether `give_back` can do anything for the file; see `reclaims`."""
    with reading(path) as connection:
        return connection is not None and reclaims(connection)


def give_back(path: str, progress: Shown) -> int:
    """Cut the free pages off the file, a few at a time; returns by how many bytes it shrank."""
    before = os.path.getsize(path)
    with explaining(f"{path} was not cut to its end"), closing(Database(path)) as database:
        pace = Pace(database)
        free = total = pace.do(lambda connection, _: _pragma(connection, "freelist_count"))
        while free:
            left = pace.do(_cut_off)
            if left >= free:  # writers need pages as fast as we free them
                break
            free = left
            progress(total - free, total)
    return max(before - os.path.getsize(path), 0)


def _cut_off(connection: Connection, pages: int) -> int:
    """Free pages at the end of the file; returns how many free ones are left anywhere."""
    for _ in range(pages):  # a number would make no difference: Python takes one step of it
        connection.execute("PRAGMA incremental_vacuum(1)")
    return _pragma(connection, "freelist_count")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
