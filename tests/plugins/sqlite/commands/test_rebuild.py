"""`telemetry db rebuild`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_sqlite import RunQueries

if TYPE_CHECKING:
    from collections.abc import Callable

    Db = Callable[..., Any]

REFERENCE = Path(__file__).parents[3] / "golden" / "events_20260101.ndjson"
SINKS = """
active = ["sqlite", "lines"]
[plugins.lines]
plugin = "ndjson"
directory = "lines"
"""


def test_without_options_it_reads_where_the_ndjson_sink_writes(db: Db) -> None:
    Path("telemetry.toml").write_text(SINKS)
    Path("lines").mkdir()
    Path("lines/events_20260101.ndjson").write_bytes(REFERENCE.read_bytes())

    done = db("rebuild", "--json")

    answer = json.loads(done.stdout)
    assert done.exit_code == 0
    assert answer["added"] == {"runs": 1, "events": 1}
    assert len(RunQueries(answer["path"]).list_runs().rows) == 1


def test_where_no_ndjson_sink_is_active_it_looks_where_one_would_write(
    db: Db, tmp_path: Path
) -> None:
    Path("telemetry.toml").write_text('active = ["sqlite"]')
    done = db("rebuild")
    assert done.exit_code == 1
    assert f"there is no {tmp_path / 'raw'};" in done.stderr
    assert done.stderr.count("\n") == 1


def test_strange_lines_are_shown_and_a_broken_file_is_the_exit_code(db: Db) -> None:
    Path("strange.ndjson").write_bytes(b"{torn\n" + REFERENCE.read_bytes())
    Path("broken.ndjson.gz").write_bytes(b"no gzip")

    strange = db("rebuild", "--from", "strange.ndjson")
    broken = db("rebuild", "--from", "broken.ndjson.gz", "--from", "strange.ndjson")

    assert strange.exit_code == 0
    assert "1 line is no record, passed over:" in strange.stdout
    assert "strange.ndjson:1: it is torn, or no JSON" in strange.stdout
    assert broken.exit_code == 1
    assert "broken.ndjson.gz" in broken.stdout


def test_a_fresh_one_says_how_to_put_it_in_place(db: Db, tmp_path: Path) -> None:
    done = db("rebuild", "--from", str(REFERENCE), "--fresh", "--db", str(tmp_path / "a.sqlite"))
    assert done.exit_code == 0
    place = f"{tmp_path / 'a.rebuilt.sqlite'} --db {tmp_path / 'a.sqlite'}"
    assert f"telemetry db restore {place}" in done.stdout
    assert not (tmp_path / "a.sqlite").exists()
