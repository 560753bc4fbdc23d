"""Reads whole rows of runs: SQLite hands each over as one value, which takes half as long."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError
from msgspec.json import Decoder

from telemetry_sqlite.damage import is_busy
from telemetry_sqlite.rows import ROW_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = tuple[Any, ...]

_COLUMNS = ", ".join(ROW_COLUMNS)


class _InexactError(Exception):
    """A number has decimals, of which SQLite writes fifteen digits only."""


def _refuse(number: str) -> None:
    raise _InexactError(number)


_unpacked = Decoder(tuple, float_hook=_refuse).decode


def whole_rows(connection: sqlite3.Connection, rest: str, values: Sequence[Any]) -> list[Row]:
    """Return rows of `ROW_COLUMNS`, read to the end.

    :param rest: the statement from its WHERE on.
    """
    try:
        sql = f"SELECT json_array({_COLUMNS}) FROM agent_runs {rest}"
        return [_unpacked(row) for (row,) in connection.execute(sql, values).fetchall()]
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise
    except (MsgspecError, _InexactError):
        pass
    return _foreign_rows(connection, f"SELECT {_COLUMNS} FROM agent_runs {rest}", values)


def _foreign_rows(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> list[Row]:
    """Read what another program stored: decimals, endless numbers, blobs and text in any encoding.

    What is no UTF-8 is written out, so that one such value keeps nobody from the other runs.
    """
    connection.text_factory = bytes
    try:
        rows = connection.execute(sql, values).fetchall()
    finally:
        connection.text_factory = str
    return [tuple(readable_bytes(value) for value in row) for row in rows]


def readable_bytes(value: Any) -> Any:
    """Return bytes as text, every other value as it is."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
