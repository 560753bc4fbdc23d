"""Compares how a connection of ours and the file itself are set with how they should be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

from telemetry_sqlite.damage import remedy_for
from telemetry_sqlite.database import BUSY_TIMEOUT, connect
from telemetry_sqlite.errors import DatabaseUnusableError

if TYPE_CHECKING:
    from sqlite3 import Connection

WANTED = {
    "journal_mode": "delete",
    "synchronous": "full",
    "busy_timeout": str(round(BUSY_TIMEOUT * 1000)),
    "auto_vacuum": "incremental",
}
IN_FILE = frozenset({"journal_mode", "auto_vacuum"})  # what every program that opens it finds
_WORDS = {
    "synchronous": ("off", "normal", "full", "extra"),
    "auto_vacuum": ("none", "full", "incremental"),
}
_REMEDIES = {
    "journal_mode": "telemetry db migrate leaves WAL mode, once no other program has the file open",
    "auto_vacuum": "telemetry db migrate rewrites the file, so that free pages can be given back",
}


@define(frozen=True)
class Setting:
    """One pragma: what it should be, what a connection of ours has, and what any other one finds."""

    name: str
    wanted: str
    ours: str
    others: str

    @property
    def right(self) -> bool:
        """Whether a connection of ours has what it should have."""
        return self.ours == self.wanted

    @property
    def remedy(self) -> str:
        """What to do about it, when it is not right."""
        return "" if self.right else _REMEDIES.get(self.name, "reinstall telemetry-sqlite")


def compare(path: str) -> list[Setting]:
    """Return the settings of an existing file; changes nothing."""
    location = Path(path).absolute().as_uri() + "?mode=rw"
    try:
        with (
            closing(connect(path)) as ours,
            closing(sqlite3.connect(location, uri=True)) as others,
        ):
            return [
                Setting(name, wanted, _value(ours, name), _value(others, name))
                for name, wanted in WANTED.items()
            ]
    except sqlite3.Error as error:
        what = f"{path} cannot be read: {error}"
        raise DatabaseUnusableError(what, remedy_for(error)) from error


def _value(connection: Connection, name: str) -> str:
    found = connection.execute(f"PRAGMA {name}").fetchone()[0]
    words = _WORDS.get(name, ())
    return words[found] if words and found in range(len(words)) else str(found)
