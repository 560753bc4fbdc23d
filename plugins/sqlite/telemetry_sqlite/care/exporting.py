"""Gives the rows of the database in the order they came, in short reads, to whatever writes them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define

from telemetry_sqlite.damage import file_id
from telemetry_sqlite.database import reading, refuse_another_file
from telemetry_sqlite.filtering import RunFilter
from telemetry_sqlite.rows import EVENT_COLUMNS, RUN_COLUMNS, readable, utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

    from telemetry_sqlite.care.progress import Shown

_IDS_AT_ONCE = 2000  # some 10 ms: while we read, nobody can commit
_TABLES = {"runs": ("agent_runs", RUN_COLUMNS), "events": ("run_events", EVENT_COLUMNS)}

Rows = list[tuple[Any, ...]]


@define(frozen=True)
class Choice:
    """Which rows to export; nothing for what does not matter.

    Runs are chosen by when they were created, events by when they happened; `agent_name`,
    `job_type` and `status` choose events by the run they belong to.
    """

    since: str | None = None
    until: str | None = None
    agent_name: str | None = None
    job_type: str | None = None
    status: str | None = None

    def conditions(self, kind: str) -> tuple[list[str], list[Any]]:
        """Return the conditions on a table in SQL, and their values."""
        runs = RunFilter(agent_name=self.agent_name, job_type=self.job_type, status=self.status)
        conditions, values = runs.conditions()
        if kind == "events" and conditions:
            mine = f"SELECT 1 FROM agent_runs AS r WHERE r.run_id = run_events.run_id AND {' AND '.join(conditions)}"
            conditions = [f"EXISTS ({mine})"]
        column = "created_at" if kind == "runs" else "timestamp"
        for sign, moment in ((">=", self.since), ("<", self.until)):
            if moment:
                conditions.append(f"{column} {sign} ?")
                values.append(readable(str(utc(moment))))
        return conditions, values


def rows_of(path: str, kind: str, choice: Choice, progress: Shown) -> Iterator[Rows]:
    """Give the values of `RUN_COLUMNS` or `EVENT_COLUMNS`, some at a time, in the order they came.

    Each read is short and of a bounded number of rows, whatever the choice: while SQLite reads,
    nobody can commit. What is added after the beginning is left out; a run that changes is given
    as it is when its turn comes.

    :param kind: `runs` or `events`.
    """
    table, columns = _TABLES[kind]
    conditions, values = choice.conditions(kind)
    where = " AND ".join(["id > ?", "id <= ?", *conditions])
    sql = f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED WHERE {where} ORDER BY id"
    known = file_id(path)
    with reading(path) as connection:
        if connection is None:
            return
        connection.text_factory = partial(str, encoding="utf-8", errors="backslashreplace")
        last = connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0
        before = _next_id(connection, table, -1) - 1
        while before < last:
            refuse_another_file(path, known)
            upto = min(before + _IDS_AT_ONCE, last)
            rows = connection.execute(sql, [before, upto, *values]).fetchall()
            progress(upto, last)
            if rows:
                yield rows
            before = _next_id(connection, table, upto) - 1 if not rows else upto


def _next_id(connection: Connection, table: str, after: int) -> int:
    """Return the first number behind another one: what was deleted is not looked for."""
    sql = f"SELECT min(id) FROM {table} WHERE id > ?"
    return int(connection.execute(sql, [after]).fetchone()[0] or after + 2)
