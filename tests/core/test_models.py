from __future__ import annotations

import json
import math
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from telemetry_core.api_payload import APIPayload
from telemetry_core.errors import InvalidRecordError, UnknownStatusError
from telemetry_core.merging import merge_runs
from telemetry_core.models import (
    CANONICAL_STATUSES,
    COUNT_FIELDS,
    RunEvent,
    RunRecord,
    generate_run_id,
    normalize_status,
)
from telemetry_core.records import FOREVER, Batch, Kind, Lane, Receipt, Record, Rejection

START = "2026-01-01T12:00:00+00:00"
LATER = "2026-01-01T12:05:00+00:00"
LATEST = "2026-01-01T12:10:00Z"


def a_run(**fields: Any) -> RunRecord:
    return RunRecord(
        **{"run_id": "r-1", "agent_name": "crawler", "job_type": "nightly"}
        | {"start_time": START, "event_id": "e-1"}
        | fields
    )


def merged(*runs: RunRecord) -> RunRecord:
    first, *others = runs
    for run in others:
        first = merge_runs(first, run)
    return first


def differing(runs: list[RunRecord]) -> list[dict[str, Any]]:
    """Return what the orders of arrival make of the runs, each result once."""
    results: list[dict[str, Any]] = []
    for order in permutations(runs):
        result = merged(*order).to_dict()
        if result not in results:
            results.append(result)
    return results


# -- statuses, counts, shapes


@pytest.mark.parametrize(
    ("status", "word"),
    [
        *((word, word) for word in sorted(CANONICAL_STATUSES)),
        ("failed", "failure"),
        ("Completed", "success"),
        ("SUCCEEDED", "success"),
        (" canceled\n", "cancelled"),
    ],
)
def test_a_status_is_known_by_its_aliases_in_any_case(status: str, word: str) -> None:
    assert normalize_status(status) == a_run(status=status).status == word


@pytest.mark.parametrize("status", ["", "lost", "success!", None, 5, b"success", ["success"]])
def test_an_unknown_status_says_which_are_known(status: Any) -> None:
    with pytest.raises(UnknownStatusError, match="use one of: cancelled, failure, partial"):
        normalize_status(status)


@pytest.mark.parametrize("name", COUNT_FIELDS)
def test_a_count_is_never_negative(name: str) -> None:
    assert getattr(a_run(**{name: -3}), name) == 0


def test_a_run_survives_the_way_through_a_mapping() -> None:
    run = a_run(status="partial", metrics_json={"a": [1]}, git_repo="x", inferred=True)
    assert RunRecord.from_dict(run.to_dict()) == run


def test_a_run_survives_the_way_through_json() -> None:
    run = a_run(end_time=LATER, context_json={"k": None})
    assert RunRecord.from_dict(json.loads(run.to_json())) == run


def test_a_run_is_marked_as_one() -> None:
    assert a_run().to_dict()["record_type"] == "run"


def test_names_that_no_run_has_are_left_out() -> None:
    assert RunRecord.from_dict(a_run().to_dict() | {"mood": "good"}) == a_run()


def test_flags_and_counts_of_a_database_are_read() -> None:
    run = RunRecord.from_dict(a_run().to_dict() | {"api_posted": 1, "inferred": 0})
    assert (run.api_posted, run.inferred) == (True, False)


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": None},
        {"run_id": 5},
        {"items_failed": "many"},
        {"items_failed": None},
        {"items_failed": math.nan},
        {"start_time": []},
        {"host": {}},
        {"inferred": "maybe"},
    ],
    ids=str,
)
def test_a_mapping_with_wrong_types_is_no_run(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecordError, match="no run"):
        RunRecord.from_dict(a_run().to_dict() | change)


@pytest.mark.parametrize("data", [{}, {"run_id": "r"}, None, 5, "run_id", ["run_id"]])
def test_what_is_no_run_is_refused(data: Any) -> None:
    with pytest.raises(InvalidRecordError):
        RunRecord.from_dict(data)


def test_a_mapping_with_an_unknown_status_is_refused() -> None:
    with pytest.raises(UnknownStatusError):
        RunRecord.from_dict(a_run().to_dict() | {"status": "lost"})


CIRCLE: dict[str, Any] = {}
CIRCLE["again"] = CIRCLE


@pytest.mark.parametrize(
    "value",
    [
        *(math.nan, Path("p"), {1: {2}}, {None: 1}, "\ud800", b"\xff", object(), type),
        *(Raw(b"{"), Raw(b"[1,\n2]"), Raw(b"\xff"), [10**5000], CIRCLE),
    ],
)
def test_json_of_a_run_is_one_line_of_json_whatever_it_carries(value: Any) -> None:
    text = a_run(metrics_json={"v": value}).to_json()
    assert json.loads(text, parse_constant=pytest.fail)["run_id"] == "r-1"
    assert "\n" not in text


# -- events


def test_an_event_survives_the_way_through_a_mapping() -> None:
    event = RunEvent("e-1", "step", 1_767_268_800_123_456_000, "r-1", {"n": 1}, "u", {"c": 1})
    back = RunEvent.from_dict(event.to_dict())
    assert back.to_dict() == event.to_dict()
    assert (back.time_ns, back.payload) == (event.time_ns, {"n": 1})


def test_a_payload_that_is_text_stays_text() -> None:
    data = {"event_type": "note", "timestamp": START, "payload": "not json"}
    assert RunEvent.from_dict(data).payload == "not json"


def test_an_event_without_an_id_gets_one() -> None:
    data = {"event_type": "note", "timestamp": START}
    assert RunEvent.from_dict(data).event_id != RunEvent.from_dict(data).event_id


def test_json_of_an_event_is_json_whatever_it_carries() -> None:
    event = RunEvent("e-1", "step", 0, payload={"v": math.inf, "o": object()})
    assert json.loads(event.payload_json or "")["v"] is None
    assert json.loads(event.to_json(), parse_constant=pytest.fail)["event_id"] == "e-1"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"event_type": "x"},
        {"event_type": "x", "timestamp": "yesterday"},
        {"event_type": "x", "timestamp": 5},
        {"event_type": 5, "timestamp": START},
        {"event_type": "x", "timestamp": START, "event_id": 5},
        {"event_type": "x", "timestamp": START, "payload_json": "{"},
        {"event_type": "x", "timestamp": START, "payload_json": "[" * 100_000},
        None,
        "event_type",
    ],
    ids=lambda data: str(data)[:60],
)
def test_what_is_no_event_is_refused(data: Any) -> None:
    with pytest.raises(InvalidRecordError, match="no event"):
        RunEvent.from_dict(data)


# -- payloads, ids, receipts


def test_a_posted_payload_has_no_nulls() -> None:
    payload = APIPayload.from_run_record(a_run(host="h", items_failed=2)).to_dict()
    assert (payload["host"], payload["items_failed"]) == ("h", 2)
    assert None not in payload.values()
    assert json.loads(APIPayload.from_run_record(a_run()).to_json())["run_id"] == "r-1"


def test_run_ids_differ() -> None:
    assert generate_run_id("crawler") != generate_run_id("crawler")


def a_batch(*ids: str) -> Batch:
    event = RunEvent("e", "x", 0)
    return Batch(tuple(Record(one, Kind.EVENT, 1, 0, Lane.STANDARD, event) for one in ids))


def test_a_receipt_names_what_it_settles() -> None:
    batch = a_batch("a", "b")
    assert Receipt.all(batch).delivered == {"a", "b"}
    assert [record.id for record in batch] == ["a", "b"]
    assert len(batch) == 2
    rejection = Rejection("bad", "why")
    partly = Receipt.of(["a"], {"b": rejection})
    assert partly.delivered == {"a"}
    assert partly.rejected == {"b": rejection}


def test_a_pause_without_an_end_is_for_ever() -> None:
    assert Receipt.pause("401", "key").pause_until == FOREVER
    assert Receipt.pause("429", "quota", until_ns=5).pause_until == 5


# -- merging


def test_an_end_beats_running_whatever_the_revisions() -> None:
    running, end = a_run(revision=9), a_run(revision=1, status="failure", end_time=LATER)
    assert merge_runs(end, running).status == merge_runs(running, end).status == "failure"


def test_an_explicit_end_beats_an_inferred_one() -> None:
    inferred = a_run(status="cancelled", inferred=True, end_time=START, error_summary="gone")
    explicit = a_run(revision=1, status="success", end_time=LATER)
    (result,) = differing([a_run(), inferred, explicit])
    assert (result["status"], result["inferred"], result["error_summary"]) == (
        "success",
        False,
        None,
    )


def test_the_first_explicit_end_stays() -> None:
    first = a_run(revision=1, status="failure", end_time=LATER, error_summary="broke")
    second = a_run(revision=2, status="success", end_time=LATEST)
    (result,) = differing([a_run(), first, second])
    assert (result["status"], result["end_time"], result["error_summary"]) == (
        "failure",
        LATER,
        "broke",
    )
    assert result["revision"] == 2


def test_a_commit_said_after_the_end_is_kept_with_the_end() -> None:
    end = a_run(revision=1, status="success", end_time=LATER, items_succeeded=5)
    commit = evolve(end, revision=2, git_commit_hash="abc")
    (result,) = differing([a_run(), end, commit])
    assert result == commit.to_dict()


def test_what_the_higher_revision_leaves_null_is_filled() -> None:
    older, newer = a_run(host="h", product="old"), a_run(revision=1, product="new")
    (result,) = differing([older, newer])
    assert (result["host"], result["product"]) == ("h", "new")


def test_records_of_one_revision_do_not_depend_on_their_order() -> None:
    assert (
        len(differing([a_run(product="a"), a_run(product="b"), a_run(product="c", host="h")])) == 1
    )


@pytest.mark.parametrize("unreadable", [None, "", "yesterday"])
def test_an_end_without_a_readable_time_is_no_first_end(unreadable: str | None) -> None:
    good = a_run(revision=2, status="success", end_time=LATEST)
    odd = a_run(revision=1, status="failure", end_time=unreadable)
    (result,) = differing([good, odd])
    assert result["status"] == "success"


CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "product": st.sampled_from(["a", "b"]),
        "host": st.sampled_from(["h", "i"]),
        "items_failed": st.integers(0, 3),
        "duration_ms": st.integers(0, 3),
        "metrics_json": st.dictionaries(st.sampled_from("xy"), st.integers(0, 2)),
        "git_commit_hash": st.just("abc"),
    },
)
END: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["success", "failure", "timeout"]),
        "end_time": st.sampled_from([LATER, LATEST, None]),
        "error_summary": st.sampled_from([None, "broke"]),
    }
)


@st.composite
def histories(draw: st.DrawFn) -> list[RunRecord]:
    """One run's records as its program wrote them: each revision is the one before, changed."""
    records = [a_run(**draw(CHANGES))]
    for _ in range(draw(st.integers(0, 2))):
        records.append(evolve(records[-1], revision=len(records), **draw(CHANGES)))
    if draw(st.booleans()):
        seen_by_an_adopter = draw(st.sampled_from(records))
        records.append(
            evolve(seen_by_an_adopter, status="cancelled", inferred=True, end_time=LATEST)
        )
    last = max(records, key=lambda run: (run.revision, not run.inferred))
    for _ in range(draw(st.integers(0, 2))):
        last = evolve(last, revision=last.revision + 1, **draw(END))
        records.append(last)
    return records


@given(histories())
def test_a_run_is_the_same_in_whatever_order_its_records_arrive(history: list[RunRecord]) -> None:
    assert len(differing(history)) == 1


@given(histories(), st.data())
def test_a_second_arrival_changes_nothing(history: list[RunRecord], data: st.DataObject) -> None:
    whole = merged(*history)
    again = data.draw(st.lists(st.sampled_from(history)))
    assert merged(whole, *again) == whole
    assert merge_runs(whole, whole) == whole


@given(histories())
def test_stores_that_merged_apart_can_be_merged(history: list[RunRecord]) -> None:
    half = len(history) // 2 or 1
    left, right = history[:half], history[half:] or history[:1]
    assert merge_runs(merged(*left), merged(*right)) == merged(*history)


@given(histories())
def test_merging_changes_no_argument(history: list[RunRecord]) -> None:
    before = [run.to_dict() for run in history]
    merged(*history)
    assert [run.to_dict() for run in history] == before
