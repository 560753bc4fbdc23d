"""Rows come as they are stored, also those that JSON has no words for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from telemetry_sqlite import ROW_COLUMNS, RunQueries, SqliteSink, tallies

if TYPE_CHECKING:
    from tests.plugins.sqlite.conftest import Story


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("item_name", 'a "name" \\ of\x00 many\n\tkinds \x7f\u2028 \U0001f600'),
        ("item_name", ""),
        ("item_name", "7"),
        ("metrics_json", '{"a": [1,  2.50, NaN]}'),
        ("duration_ms", 2**63 - 1),
        ("duration_ms", 1.5),
        ("duration_ms", 0.1 + 0.2),
        ("duration_ms", 1e300),
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


def foreign(sink: SqliteSink, column: str, value: str) -> None:
    """Store what another program might, for the run of id a."""
    with closing(sqlite3.connect(sink.destination())) as connection, connection:
        connection.execute(f"UPDATE agent_runs SET {column} = {value} WHERE event_id = 'a'")


@pytest.mark.parametrize(
    ("value", "text"),
    [("x'ff41'", "\\xffA"), ("CAST(x'ff41' AS TEXT)", "\\xffA"), ("x'6162'", "ab")],
)
def test_bytes_of_another_program_are_text_and_hide_no_other_run(
    sink: SqliteSink, story: Story, queries: RunQueries, value: str, text: str
) -> None:
    sink.ship_batch(story.batch(*(story.run(story.a_run(event_id=one)) for one in "ab")))
    for column in ("item_name", "agent_name", "job_type"):
        foreign(sink, column, value)
    assert [row["item_name"] for row in queries.list_runs().rows] == [text, None]
    assert queries.list_rows().rows[0] == queries.one_row("a")
    assert queries.totals().agents == {"crawler": 1, text: 1}
    assert queries.names() == (sorted(["crawler", text]), sorted(["nightly", text]))
    with closing(sqlite3.connect(sink.destination())) as connection:
        assert not tallies.wrong(connection)


def test_names_that_are_the_same_as_text_and_as_bytes_are_counted_together(
    sink: SqliteSink, story: Story, queries: RunQueries
) -> None:
    sink.ship_batch(story.batch(*(story.run(story.a_run(event_id=one)) for one in "ab")))
    foreign(sink, "agent_name", "CAST(agent_name AS BLOB)")
    assert queries.totals()[:2] == (2, {"crawler": 2})


@pytest.mark.parametrize("value", ["12.5", "9e999", "'many'", "x'05'", "NULL"])
def test_what_comes_late_is_merged_into_a_run_whose_numbers_are_none(
    sink: SqliteSink, story: Story, queries: RunQueries, value: str
) -> None:
    run = story.a_run(event_id="a")
    sink.ship_batch(story.batch(story.run(run)))
    foreign(sink, "items_skipped", value)
    ended = evolve(run, status="success", end_time=run.start_time, revision=1)
    assert sink.ship_batch(story.batch(story.run(ended))).rejected == {}
    assert [row["status"] for row in queries.list_runs().rows] == ["success"]


@pytest.mark.parametrize("value", ["'many'", "x'05'"])
def test_a_duration_that_is_no_number_is_not_counted(
    sink: SqliteSink, story: Story, queries: RunQueries, value: str
) -> None:
    took = {"end_time": "2026-01-01T12:00:05Z", "status": "success", "duration_ms": 5}
    sink.ship_batch(story.batch(*(story.run(story.a_run(event_id=one, **took)) for one in "ab")))
    foreign(sink, "duration_ms", value)
    (job,) = queries.figures()["by_job"]
    assert job["p50_ms"] == 5
