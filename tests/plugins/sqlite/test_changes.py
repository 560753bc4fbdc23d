from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from telemetry_sqlite import Database, RunQueries, patch_run, put_run, put_together
from telemetry_sqlite.database import reading
from telemetry_sqlite.store import stored_runs

from tests.plugins.sqlite.conftest import NOON, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from telemetry_core import RunRecord
    from tests.plugins.sqlite.conftest import Story

    Change = Callable[..., Any]

NOW = "2026-01-01T12:00:00.000000+00:00"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(str(tmp_path / "runs.sqlite"))) as database:
        yield database


@pytest.fixture
def put(database: Database) -> Change:
    return lambda run, seen=NOON: database.write(lambda opened: put_run(opened, run, seen))


@pytest.fixture
def patch(database: Database) -> Change:
    def patch(event_id: str = "uuid-1", seen: int = NOON, **changes: Any) -> Any:
        return database.write(lambda opened: patch_run(opened, event_id, changes, seen))

    return patch


@pytest.fixture
def stored(database: Database) -> Callable[[], RunRecord]:
    def stored() -> RunRecord:
        run = RunQueries(database.path).get_run("uuid-1")
        assert run is not None
        return run

    return stored


def test_a_run_is_created_once(put: Change, story: Story) -> None:
    run = story.a_run()
    assert [put(run), put(run), put(run)] == [True, False, False]


def test_runs_put_together_each_keep_what_only_they_say(database: Database, story: Story) -> None:
    """What all of them leave out is left out of the statement: that shifts no value of any."""
    told: list[dict[str, Any]] = [{"host": "h", "items_failed": 3}, {}, {"metrics_json": {"a": 1}}]
    runs = [story.a_run(event_id=f"e{at}", **each) for at, each in enumerate(told * 10)]
    database.write(lambda opened: put_together(opened, [(run, NOON) for run in runs]))
    names = ("event_id", "host", "items_failed", "metrics_json", "parent_run_id", "trigger_type")
    expected = [tuple(getattr(run, name) for name in names) for run in runs]
    with reading(database.path) as opened:
        assert opened is not None
        found = stored_runs(opened, [run.event_id for run in runs])
    assert [tuple(getattr(found[run.event_id], name) for name in names) for run in runs] == expected


def test_a_run_that_says_not_when_it_was_created_was_created_now(
    put: Change, stored: Change, story: Story
) -> None:
    put(story.a_run(start_time="2025-12-31T10:00:00+02:00", created_at=None))
    assert (stored().created_at, stored().updated_at) == (NOW, NOW)
    assert stored().start_time == "2025-12-31T08:00:00.000000+00:00"


def test_an_end_that_arrives_alone_keeps_when_the_run_was_created(
    put: Change, stored: Change, story: Story
) -> None:
    start = story.a_run(created_at="2025-01-01T00:00:00Z", git_repo="repo")
    end = evolve(start, created_at=None, git_repo=None, status="success", items_succeeded=7)
    put(start)
    put(end, NOON + SECOND)
    assert (stored().created_at[:4], stored().status) == ("2025", "success")
    assert (stored().git_repo, stored().items_succeeded) == ("repo", 7)
    assert stored().updated_at == "2026-01-01T12:00:01.000000+00:00"


def test_an_end_says_more_than_a_run_that_was_patched_meanwhile(
    put: Change, patch: Change, stored: Change, story: Story
) -> None:
    put(story.a_run())
    patch(output_summary="half", items_succeeded=1)
    put(story.a_run(status="failure", items_succeeded=9))
    assert (stored().status, stored().items_succeeded) == ("failure", 9)
    assert stored().output_summary == "half"


def test_the_first_end_stays(put: Change, stored: Change, story: Story) -> None:
    put(story.a_run(status="success", end_time="2026-01-01T12:00:01Z"))
    put(story.a_run(status="failure", end_time="2026-01-01T12:00:02Z"))
    put(story.a_run(status="running"))
    assert stored().status == "success"


def test_a_patch_sets_what_it_names_and_nothing_else(
    put: Change, patch: Change, stored: Change, story: Story
) -> None:
    put(story.a_run(status="success", product="p", host="h"))
    before = stored()
    patched = patch(status="running", metrics_json={"a": 1}, host=None, seen=NOON + SECOND)
    assert (
        patched
        == stored()
        == evolve(
            before,
            status="running",
            metrics_json={"a": 1},
            host=None,
            revision=before.revision + 1,
            updated_at="2026-01-01T12:00:01.000000+00:00",
        )
    )


def test_a_patched_time_is_stored_in_utc(put: Change, patch: Change, story: Story) -> None:
    put(story.a_run())
    patched = patch(end_time="2026-01-01T14:00:00+02:00", updated_at="2026-01-01T12:00:00Z")
    assert (patched.end_time, patched.updated_at) == (NOW, NOW)


def test_a_patched_end_is_no_inferred_one(put: Change, patch: Change, story: Story) -> None:
    put(story.a_run(status="cancelled", inferred=True))
    assert patch(status="failure").inferred is False


def test_a_patch_of_no_run_changes_nothing(patch: Change) -> None:
    assert patch("nobody", status="success") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "exploded"},
        {"items_failed": -1},
        {"items_failed": 2**64},
        {"host": ["a", "list"]},
        {"start_time": None},
        {"revision": 5},
        {"id = 1, host": "x"},
    ],
)
def test_what_no_row_can_hold_is_refused_and_the_next_change_works(
    put: Change, patch: Change, stored: Change, story: Story, changes: dict[str, Any]
) -> None:
    put(story.a_run())
    before = stored()
    with pytest.raises((sqlite3.IntegrityError, ValueError)):
        patch(**changes)
    assert stored() == before
    assert patch(host="h").host == "h"


@pytest.mark.parametrize("wrong", [{"job_type": None}, {"items_failed": 2**64}, {"host": ["x"]}])
def test_a_run_that_no_row_can_hold_is_refused(
    put: Change, story: Story, wrong: dict[str, Any]
) -> None:
    run = story.a_run()
    for name, value in wrong.items():
        setattr(run, name, value)
    with pytest.raises((sqlite3.IntegrityError, ValueError)):
        put(run)
    assert put(story.a_run()) is True


def test_text_that_is_no_unicode_is_stored_with_its_escapes_written_out(
    put: Change, patch: Change, stored: Change, story: Story
) -> None:
    assert [put(story.a_run(host="\udcff")) for _ in range(2)] == [True, False]
    assert stored().host == "\\udcff"
    assert patch(host="\udcfe").host == "\\udcfe"


def test_a_time_that_cannot_be_read_breaks_no_list(
    put: Change, database: Database, story: Story
) -> None:
    put(story.a_run(start_time="last tuesday", created_at="later"))
    put(story.a_run(event_id="uuid-2"))
    queries = RunQueries(database.path)
    assert len(queries.list_rows().rows) == queries.count() == queries.totals(NOON).total_runs == 2
    assert queries.totals(NOON + SECOND).recent_24h == 1


def test_units_of_one_transaction_fail_by_themselves(database: Database, story: Story) -> None:
    def write(opened: sqlite3.Connection) -> None:
        put_run(opened, story.a_run(), NOON)
        opened.execute("SAVEPOINT unit")
        with pytest.raises(sqlite3.IntegrityError):
            patch_run(opened, "uuid-1", {"status": "exploded"}, NOON)
        opened.execute("ROLLBACK TO unit")
        put_run(opened, story.a_run(event_id="uuid-2"), NOON)

    database.write(write)
    assert RunQueries(database.path).count() == 2


def test_several_runs_are_put_as_if_one_after_the_other(database: Database, story: Story) -> None:
    database.write(lambda opened: put_run(opened, story.a_run(event_id="known"), NOON))
    told = [
        story.a_run(event_id="new"),
        story.a_run(event_id="known", host="told later"),
        story.a_run(event_id="new", host="told twice"),
    ]
    assert database.write(lambda opened: put_together(opened, [(run, NOON) for run in told])) == [
        True,
        False,
        False,
    ]
    stored = {name: RunQueries(database.path).get_run(name) for name in ("new", "known")}
    assert [run and run.host for run in stored.values()] == ["told twice", "told later"]


def test_one_of_several_runs_that_no_row_can_hold_is_said(database: Database, story: Story) -> None:
    told = [(story.a_run(event_id="sound"), NOON), (story.a_run(items_failed=2**63), NOON)]
    with pytest.raises(ValueError, match="too large"):
        database.write(lambda opened: put_together(opened, told))
