"""`telemetry db check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]


def test_a_new_database_is_sound(db: Db, sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.event(), story.run()))

    done = db("check", "--full", "--json")

    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert answer["ok"]
    assert {finding["level"] for finding in answer["findings"]} == {"ok"}


def test_what_is_no_database_is_found_and_left_as_it_is(db: Db) -> None:
    Path("rubbish").write_bytes(b"no database" * 100)
    done = db("check", "--db", "rubbish")
    assert done.exit_code == 1
    assert "file is not a database" in done.stdout
    assert "telemetry db restore" in done.stdout
    assert Path("rubbish").read_bytes() == b"no database" * 100
