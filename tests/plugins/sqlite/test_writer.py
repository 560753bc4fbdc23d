from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from telemetry_sqlite import DatabaseUnusableError, DatabaseWriter

from telemetry_core.models import RunRecord

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def writer(tmp_path: Path) -> DatabaseWriter:
    return DatabaseWriter(tmp_path / "db" / "telemetry.sqlite")


@pytest.fixture
def run() -> RunRecord:
    return RunRecord("run-1", "crawler", "nightly", event_id="uuid-1")


def test_a_run_comes_back_as_it_was_inserted(writer: DatabaseWriter, run: RunRecord) -> None:
    run.metrics_json = {"pages": 3}

    answer = writer.insert_run(run)

    assert answer == (True, "[OK] Run stored: run-1")
    stored = writer.get_run("run-1")
    assert stored == evolve(
        run, created_at=run.start_time, updated_at=stored.updated_at if stored else None
    )


def test_inserting_a_known_run_again_does_not_undo_its_end(
    writer: DatabaseWriter, run: RunRecord
) -> None:
    writer.insert_run(evolve(run, status="success"))

    assert writer.insert_run(run)[0]

    stored = writer.get_run("uuid-1")
    assert stored is not None
    assert stored.status == "success"


def test_an_update_changes_a_record_that_was_read_before(
    writer: DatabaseWriter, run: RunRecord
) -> None:
    writer.insert_run(run)
    read = writer.get_run("run-1")
    assert read is not None
    read.items_succeeded, read.status, read.host = 5, "partial", None

    assert writer.update_run(read) == (True, "[OK] Run updated: run-1")

    stored = writer.get_run("run-1")
    assert stored is not None
    assert (stored.items_succeeded, stored.status, stored.revision) == (5, "partial", 1)


def test_updating_an_unknown_run_says_so_and_stores_nothing(
    writer: DatabaseWriter, run: RunRecord
) -> None:
    assert writer.update_run(run) == (False, "[FAIL] Run not found: run-1; insert it first")
    assert writer.get_run("run-1") is None


def test_a_run_that_no_row_can_hold_is_answered_with_the_reason(
    writer: DatabaseWriter, run: RunRecord
) -> None:
    run.items_failed = 2**64

    ok, message = writer.insert_run(run)

    assert not ok
    assert "items_failed" in message


def test_pending_posts_are_ended_runs_that_were_not_posted(
    writer: DatabaseWriter, run: RunRecord
) -> None:
    writer.insert_run(run)
    writer.insert_run(evolve(run, run_id="ended", event_id="uuid-2", status="success"))
    writer.insert_run(evolve(run, run_id="posted", event_id="uuid-3", status="success"))
    writer.mark_api_posted("posted")

    assert [pending.run_id for pending in writer.get_pending_api_posts()] == ["ended"]
    assert writer.get_run_stats()["pending_api_posts"] == 1


def test_marks_of_posting_are_kept(writer: DatabaseWriter, run: RunRecord) -> None:
    writer.insert_run(run)

    assert writer.increment_api_retry_count("run-1") == (True, "[OK] Run updated: run-1")
    assert writer.increment_api_retry_count("run-1")[0]
    assert writer.mark_api_posted("run-1", "2026-01-01T12:00:00Z")[0]

    stored = writer.get_run("run-1")
    assert stored is not None
    assert (stored.api_posted, stored.api_retry_count) == (True, 2)
    assert stored.api_posted_at == "2026-01-01T12:00:00.000000+00:00"


def test_marking_an_unknown_run_says_so(writer: DatabaseWriter) -> None:
    assert writer.mark_api_posted("nobody") == (False, "[FAIL] Run not found: nobody")
    assert writer.increment_api_retry_count("nobody") == (False, "[FAIL] Run not found: nobody")


@pytest.mark.parametrize("quick", [True, False])
def test_integrity_is_told_of_a_sound_and_of_a_missing_database(
    writer: DatabaseWriter, run: RunRecord, quick: bool
) -> None:
    assert writer.check_integrity(quick) == (True, "[OK] No database has been begun")

    writer.insert_run(run)

    ok, message = writer.check_integrity(quick)
    assert ok
    assert "found nothing wrong" in message


def test_integrity_is_told_of_a_damaged_database(writer: DatabaseWriter, tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "telemetry.sqlite").write_bytes(b"no database" * 100)

    ok, message = writer.check_integrity()

    assert not ok
    assert "not a database" in message
    with pytest.raises(DatabaseUnusableError):
        writer.get_run("run-1")


def test_writing_where_no_directory_can_be_answers_instead_of_raising(
    tmp_path: Path, run: RunRecord
) -> None:
    (tmp_path / "file").touch()

    ok, message = DatabaseWriter(tmp_path / "file" / "runs.sqlite").insert_run(run)

    assert not ok
    assert message.startswith("[FAIL]")


def test_threads_may_share_a_writer(writer: DatabaseWriter, run: RunRecord) -> None:
    writer.insert_run(run)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(writer.increment_api_retry_count, ["run-1"] * 40))

    assert all(ok for ok, _ in answers)
    stored = writer.get_run("run-1")
    assert stored is not None
    assert stored.api_retry_count == 40


@pytest.mark.parametrize("rubbish", [None, 5, "run-1", {"run_id": "run-1"}])
def test_what_is_no_run_is_answered_instead_of_raised(writer: DatabaseWriter, rubbish: Any) -> None:
    for ok, message in (writer.insert_run(rubbish), writer.update_run(rubbish)):
        assert not ok
        assert message.startswith("[FAIL] Not a RunRecord")


@pytest.mark.parametrize("rubbish", [None, 5, b"run-1"])
def test_what_is_no_run_id_is_answered_instead_of_raised(
    writer: DatabaseWriter, rubbish: Any
) -> None:
    answers = writer.mark_api_posted(rubbish), writer.increment_api_retry_count(rubbish)
    assert all(message.startswith("[FAIL] A run id is a text") for _, message in answers)
