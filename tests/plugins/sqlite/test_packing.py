"""Rows come as they are stored, also those that JSON has no words for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import ROW_COLUMNS, RunQueries, SqliteSink

if TYPE_CHECKING:
    from tests.plugins.sqlite.conftest import Story


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("item_name", 'a "name" \\ of\x00 many\n\tkinds \x7f\u2028 \U0001f600'),
        ("item_name", ""),
        ("item_name", b"\x00\xff"),
        ("item_name", "7"),
        ("metrics_json", '{"a": [1,  2.50, NaN]}'),
        ("duration_ms", 2**63 - 1),
        ("duration_ms", 1.5),
        ("duration_ms", float("inf")),
        ("duration_ms", None),
    ],
)
def test_a_row_of_a_list_is_the_row_that_is_stored(
    sink: SqliteSink, story: Story, queries: RunQueries, column: str, value: Any
) -> None:
    sink.ship_batch(story.batch(*(story.run(story.a_run(event_id=one)) for one in "ab")))
    with closing(sqlite3.connect(sink.destination())) as connection, connection:
        connection.execute(f"UPDATE agent_runs SET {column} = ? WHERE event_id = 'a'", (value,))
    first, second = queries.list_rows().rows
    assert first[ROW_COLUMNS.index(column)] == value
    assert [first, second] == [queries.one_row("a"), queries.one_row("b")]


def test_the_columns_of_a_row_are_those_of_the_table(sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.run()))
    with closing(sqlite3.connect(sink.destination())) as connection:
        described = connection.execute("SELECT * FROM agent_runs").description
    assert tuple(name for name, *_ in described) == ROW_COLUMNS
