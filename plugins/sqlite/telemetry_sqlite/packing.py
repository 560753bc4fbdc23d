"""Reads many whole rows: SQLite hands each over as one value, which takes half as long."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError
from msgspec.json import Decoder

from telemetry_sqlite.damage import is_busy
from telemetry_sqlite.rows import ROW_COLUMNS
from telemetry_sqlite.store import SELECT_RUN

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = tuple[Any, ...]

_PACKED = f"SELECT json_array({', '.join(ROW_COLUMNS)}) FROM agent_runs"
_unpacked = Decoder(tuple).decode


def whole_rows(connection: sqlite3.Connection, rest: str, values: Sequence[Any]) -> list[Row]:
    """Return rows of `ROW_COLUMNS`, read to the end.

    :param rest: the statement from its WHERE on.
    """
    try:
        rows = connection.execute(f"{_PACKED} {rest}", values).fetchall()
        return [_unpacked(row) for (row,) in rows]
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise
    except MsgspecError:
        pass
    # what JSON cannot say, a blob or an endless number, another program may have stored
    return connection.execute(f"{SELECT_RUN} {rest}", values).fetchall()
