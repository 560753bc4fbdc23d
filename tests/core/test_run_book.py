"""The runs that a client knows, and how what callers say of them is cleaned."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.clock import parse_iso8601
from telemetry_core.complaints import Complaints
from telemetry_core.ids import RandomIds
from telemetry_core.run_book import MOST_ENDED_REMEMBERED, RunBook

if TYPE_CHECKING:
    from pytest_telemetry.clock import FakeClock
    from pytest_telemetry.ids import CountingIds


@pytest.fixture
def complaints() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def book(
    telemetry_clock: FakeClock, telemetry_ids: CountingIds, complaints: list[tuple[str, str]]
) -> RunBook:
    def complain(kind: str, message: str) -> None:
        complaints.append((kind, message))

    return RunBook(telemetry_clock, telemetry_ids, complain, lambda: {"host": "here"})


def begin(book: RunBook, **given: Any) -> Any:
    return book.begin("agent", "job", "cli", given)


def test_a_run_begins_now_where_the_program_is(book: RunBook) -> None:
    run = begin(book)
    assert (run.run_id, run.host) == ("20260101T120000Z-agent-00000001", "here")
    assert run.start_time == run.created_at == run.updated_at == "2026-01-01T12:00:00.000000+00:00"
    assert (run.status, run.revision) == ("running", 1)


def test_what_the_caller_says_wins_over_the_surroundings(book: RunBook) -> None:
    assert begin(book, host="there").host == "there"


def test_the_surroundings_are_looked_at_once(
    telemetry_clock: FakeClock, telemetry_ids: CountingIds
) -> None:
    looks = iter([{"host": "here"}])
    book = RunBook(telemetry_clock, telemetry_ids, print, lambda: next(looks))
    assert [begin(book).host, begin(book).host] == ["here", "here"]


def test_an_end_has_its_time_and_the_duration_by_the_steady_clock(
    book: RunBook, telemetry_clock: FakeClock
) -> None:
    run = begin(book)
    telemetry_clock.advance(1.5)
    telemetry_clock.set_wall(0)
    assert book.end(run, "completed", {})
    assert (run.status, run.duration_ms, run.end_time[:4]) == ("success", 1500, "2026")
    assert run.revision == 2


def test_given_ends_and_durations_are_kept(book: RunBook) -> None:
    run = begin(book)
    book.end(run, "success", {"duration_ms": 7, "end_time": "2026-01-01T13:00:00Z"})
    assert (run.duration_ms, run.end_time) == (7, "2026-01-01T13:00:00Z")


def test_unreadable_ends_and_durations_are_left_out_and_found_otherwise(
    book: RunBook, telemetry_clock: FakeClock, complaints: list[tuple[str, str]]
) -> None:
    run = begin(book)
    telemetry_clock.advance(2)
    book.end(run, "success", {"duration_ms": "long", "end_time": "late"})
    assert (run.duration_ms, run.end_time) == (2000, run.updated_at)
    assert [kind for kind, _ in complaints] == ["value", "value"]


def test_a_run_is_ended_once(book: RunBook) -> None:
    run = begin(book)
    assert [book.end(run, "success", {}), book.end(run, "failure", {})] == [True, False]
    assert run.status == "success"


def test_an_explicit_end_follows_an_inferred_one_but_not_the_other_way_round(
    book: RunBook,
) -> None:
    run = begin(book)
    assert book.end(run, "cancelled", {}, inferred=True)
    assert not book.end(run, "cancelled", {}, inferred=True)
    assert book.end(run, "success", {})
    assert not book.end(run, "cancelled", {}, inferred=True)
    assert (run.status, run.inferred) == ("success", False)


@pytest.mark.parametrize("word", ["nonsense", "", None, 5])
def test_an_unknown_status_is_said_and_counts_as_failure(
    book: RunBook, complaints: list[tuple[str, str]], word: Any
) -> None:
    run = begin(book)
    book.end(run, word, {})
    assert (run.status, [kind for kind, _ in complaints]) == ("failure", ["status"])


def test_a_run_that_ends_as_running_has_succeeded(book: RunBook) -> None:
    run = begin(book)
    book.end(run, "running", {})
    assert run.status == "success"


def test_unknown_fields_are_kept_in_the_context_and_said(
    book: RunBook, complaints: list[tuple[str, str]]
) -> None:
    run = begin(book, colour="red", context_json={"page": 1})
    book.update(run, {"size": 2, "revision": 99, "inferred": True})
    assert run.context_json == {
        "page": 1,
        "colour": "red",
        "size": 2,
        "revision": 99,
        "inferred": True,
    }
    assert (run.revision, run.inferred) == (2, False)
    assert [kind for kind, _ in complaints] == ["field", "field"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [(-1, 0), (10**30, 2**63 - 1), ("12", 12), (True, 1), (2.9, 2), ("many", 0), (None, 0)],
)
def test_counts_are_numbers_that_a_store_can_hold(book: RunBook, given: Any, kept: int) -> None:
    assert begin(book, items_failed=given).items_failed == kept


def test_json_given_as_text_becomes_what_it_says(book: RunBook) -> None:
    run = begin(book, metrics_json='{"a": 1}', context_json="[1]")
    assert (run.metrics_json, run.context_json) == ({"a": 1}, "[1]")


def test_neither_id_of_a_run_changes_later(book: RunBook) -> None:
    run = begin(book)
    ids = run.run_id, run.event_id
    book.update(run, {"run_id": "other", "event_id": "other"})
    assert (run.run_id, run.event_id) == ids


@pytest.mark.parametrize(
    ("given", "fault"),
    [("  ", "empty"), ("x" * 256, "too_long"), ("a/b", "invalid_chars"), ("\x00", "invalid_chars")],
)
def test_an_unfit_run_id_is_replaced_and_counted(book: RunBook, given: str, fault: str) -> None:
    assert begin(book, run_id=given).run_id.startswith("20260101T120000Z-agent-")
    rejected = book.metrics()["rejected"]
    assert (rejected[fault], rejected["total"]) == (1, 1)


def test_a_run_id_that_is_taken_gets_a_mark(book: RunBook) -> None:
    first, second = begin(book, run_id="mine"), begin(book, run_id="mine")
    assert (first.run_id, second.run_id[:15]) == ("mine", "mine-duplicate-")
    figures = book.metrics()
    assert (figures["custom_accepted"], figures["duplicates_detected"]) == (2, 1)
    assert figures["custom_percentage"] == 100.0


def test_a_run_id_is_free_again_after_the_end(book: RunBook) -> None:
    book.end(begin(book, run_id="mine"), "success", {})
    assert begin(book, run_id="mine").run_id == "mine"


def test_threads_that_start_runs_of_one_id_get_different_ones(book: RunBook) -> None:
    runs: list[Any] = []
    threads = [
        threading.Thread(target=lambda: runs.append(begin(book, run_id="mine"))) for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.run_id for run in runs}) == len(book.active) == 50


def test_only_the_latest_ended_runs_are_remembered(book: RunBook) -> None:
    runs = [begin(book) for _ in range(MOST_ENDED_REMEMBERED + 1)]
    for run in runs:
        book.end(run, "success", {})
    assert book.find(runs[0].run_id) is None
    assert book.find(runs[1].run_id) is runs[1]
    assert book.active == {}


def test_no_run_ends_before_it_began_whatever_the_clock_does(telemetry_clock: FakeClock) -> None:
    book = RunBook(telemetry_clock, RandomIds(), Complaints())
    run = book.begin("agent", "job", "cli", {})
    telemetry_clock.advance(2)
    telemetry_clock.set_wall(telemetry_clock.time_ns() - 3_600 * 1_000_000_000)
    book.end(run, "success", {})
    assert run.duration_ms == 2_000
    assert parse_iso8601(run.end_time or "") - parse_iso8601(run.start_time) == 2_000_000_000
