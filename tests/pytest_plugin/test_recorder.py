"""What was recorded is found again, or the failure shows what was there instead."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_telemetry.recorder import Recorder

from telemetry_core import Batch, Kind, Lane, Record, RunEvent, RunRecord


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def run(agent_name: str, **fields: Any) -> RunRecord:
    return RunRecord(f"run-of-{agent_name}", agent_name, "nightly", **fields)


def event(event_type: str, payload: Any = None) -> RunEvent:
    return RunEvent("event-1", event_type, 0, payload=payload)


def test_a_run_is_one_however_often_it_is_heard_of(recorder: Recorder) -> None:
    started = run("crawler")
    recorder.on_start_run(started)
    started.status = "success"
    recorder.on_end_run(started)
    assert recorder.runs == [started]
    assert recorder.assert_run("crawler", status="success") is started


def test_the_end_of_a_run_that_started_unheard_is_kept(recorder: Recorder) -> None:
    recorder.on_end_run(run("crawler", status="failure"))
    assert recorder.assert_run(agent_name="crawler").status == "failure"


def test_of_several_that_fit_the_latest_is_returned(recorder: Recorder) -> None:
    for items in (1, 2):
        recorder.on_start_run(run("crawler", items_discovered=items))
        recorder.on_event(event("page", {"n": items}))
    assert recorder.assert_run("crawler").items_discovered == 2
    assert recorder.assert_event("page").payload == {"n": 2}


def test_a_run_that_is_missing_shows_those_that_are_there(recorder: Recorder) -> None:
    recorder.on_start_run(run("parser", status="success"))
    with pytest.raises(AssertionError) as failure:
        recorder.assert_run("crawler", status="failure")
    assert str(failure.value) == (
        "no run with agent_name='crawler', status='failure'; recorded:\n"
        "  run-of-parser: agent_name='parser', status='success'"
    )


def test_a_field_that_no_run_has_is_an_error_of_the_test(recorder: Recorder) -> None:
    with pytest.raises(TypeError, match="a run has no field stauts"):
        recorder.assert_run(stauts="success")


def test_an_event_is_found_by_its_type_and_a_part_of_its_payload(recorder: Recorder) -> None:
    recorder.on_event(event("page", {"url": "/a", "bytes": 12}))
    assert recorder.assert_event("page", url="/a").payload == {"url": "/a", "bytes": 12}


def test_a_payload_may_have_any_names(recorder: Recorder) -> None:
    recorder.on_event(event("page", {"event_type": 1, "self": 2}))
    recorder.assert_event("page", event_type=1, self=2)


@pytest.mark.parametrize("payload", [None, {}, {"url": None}, {"url": "/b"}, ["url"]])
def test_an_event_that_is_missing_shows_those_that_are_there(
    payload: Any, recorder: Recorder
) -> None:
    recorder.on_event(event("page", payload))
    with pytest.raises(AssertionError, match=r"no event page with url='/a'; recorded:\n  page: "):
        recorder.assert_event("page", url="/a")


def test_an_expected_null_does_not_stand_for_what_is_absent(recorder: Recorder) -> None:
    recorder.on_event(event("page", {}))
    with pytest.raises(AssertionError):
        recorder.assert_event("page", url=None)


def test_without_any_record_the_failure_says_so(recorder: Recorder) -> None:
    with pytest.raises(AssertionError, match="no run with anything: nothing of the kind"):
        recorder.assert_run()
    with pytest.raises(AssertionError, match="no event page with anything: nothing of the kind"):
        recorder.assert_event("page")


def test_what_is_cleared_is_forgotten(recorder: Recorder) -> None:
    recorder.on_start_run(run("crawler"))
    recorder.on_event(event("page"))
    recorder.ship_batch(Batch((Record("1", Kind.EVENT, 1, 0, Lane.STANDARD, event("page")),)))
    assert recorder.check_health().message == "1 records"
    recorder.clear()
    assert (recorder.runs, recorder.events, recorder.shipped) == ([], [], [])
