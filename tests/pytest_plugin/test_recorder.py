"""What was recorded is found again, or the failure shows what was there instead."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

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


def test_a_run_that_is_missing_shows_those_that_are_there_the_nearest_first(
    recorder: Recorder,
) -> None:
    recorder.on_start_run(run("parser", status="failure"))
    recorder.on_start_run(run("crawler", status="success"))
    with pytest.raises(AssertionError) as failure:
        recorder.assert_run("crawler", status="failure")
    assert str(failure.value).splitlines() == [
        "no run with agent_name='crawler', status='failure'; 2 recorded, the nearest:",
        "  run-of-crawler",
        "    status is 'success', not 'failure'",
        "  run-of-parser",
        "    agent_name is 'parser', not 'crawler'",
    ]


def test_an_event_that_is_missing_shows_its_like_before_others(recorder: Recorder) -> None:
    recorder.on_event(event("page", {"url": "/a", "bytes": 12}))
    recorder.on_event(event("pages", {"url": "/b"}))
    recorder.on_event(event("signed_up"))
    recorder.on_event(event("page", {"url": "/a"}))
    with pytest.raises(AssertionError) as failure:
        recorder.assert_event("page", url="/b", bytes=12)
    assert str(failure.value).splitlines() == [
        "no event page with url='/b', bytes=12; 4 recorded, the nearest:",
        "  page {'url': '/a', 'bytes': 12}",
        "    url is '/a', not '/b'",
        "  page {'url': '/a'}",
        "    url is '/a', not '/b'",
        "    bytes is missing, not 12",
        "  pages {'url': '/b'}",
        "  signed_up None",
    ]


def test_a_failure_is_never_long(recorder: Recorder) -> None:
    for number in range(1000):
        recorder.on_event(event("page", {"n": number, "text": "x" * 10_000}))
    with pytest.raises(AssertionError) as failure:
        recorder.assert_event("page", text="y" * 10_000)
    lines = str(failure.value).splitlines()
    assert lines[0].startswith("no event page with text='yyyyyyyyyy")
    assert (len(lines), lines[-1]) == (12, "  … and 995 more")
    assert max(map(len, lines)) < 250


def test_where_two_long_texts_differ_is_shown(recorder: Recorder) -> None:
    recorder.on_event(event("page", {"text": "x" * 500 + "here" + "x" * 500}))
    with pytest.raises(AssertionError, match=r"text is …x+here[^,]*…, not …x+there"):
        recorder.assert_event("page", text="x" * 500 + "there" + "x" * 500)


def test_an_event_that_should_not_be_there_is_shown(recorder: Recorder) -> None:
    recorder.on_event(event("page", {"url": "/a"}))
    recorder.assert_no_event("page", url="/b")
    recorder.assert_no_event("signed_up")
    with pytest.raises(AssertionError, match=r"^an event page was recorded: {'url': '/a'}$"):
        recorder.assert_no_event("page")


def test_what_is_expected_may_be_said_loosely(recorder: Recorder) -> None:
    recorder.on_event(event("page", {"seconds": 0.1 + 0.2, "at": object()}))
    recorder.assert_event("page", seconds=pytest.approx(0.3), at=ANY)


def test_a_recorder_says_how_much_it_heard(recorder: Recorder) -> None:
    recorder.on_event(event("page"))
    assert repr(recorder) == "<Recorder: 0 runs, 1 events, 0 shipped>"


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
    with pytest.raises(AssertionError, match=r"no event page with url='/a'; 1 recorded:\n  page "):
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
