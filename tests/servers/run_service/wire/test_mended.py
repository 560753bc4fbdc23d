"""What the original service lost or did wrong, and this one does not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.wire.telling import RECORDS, RUNS, a_record, a_run, own

if TYPE_CHECKING:
    from tests.servers.run_service.wire.serving import Service
    from tests.servers.run_service.wire.telling import Api

END = {"status": "failure", "end_time": "2026-01-01T13:00:00.000000+00:00", "error_summary": "boom"}


@pytest.mark.parametrize("created", [{}, {"created_at": None}, {"created_at": "2026-01-01"}])
def test_an_end_that_comes_as_a_duplicate_ends_the_run(
    api: Api, mine: str, created: dict[str, Any]
) -> None:
    api.post(event_id=mine)

    answer = api.post(event_id=mine, duration_ms=5, items_discovered=7, **END, **created)

    assert answer.json()["status"] == "duplicate"
    run = api.get(mine)
    assert {name: run[name] for name in END} == END
    assert (run["duration_ms"], run["items_discovered"]) == (5, 7)


def test_a_start_that_comes_after_the_end_opens_nothing(api: Api, mine: str) -> None:
    api.post(event_id=mine, **END)

    api.post(event_id=mine, product="late")

    run = api.get(mine)
    assert {name: run[name] for name in END} == END
    assert run["product"] == "late"


def test_the_first_end_of_a_run_stays(api: Api, mine: str) -> None:
    api.post(event_id=mine, **END)

    api.post(event_id=mine, status="success", end_time="2026-01-01T14:00:00+00:00")

    run = api.get(mine)
    assert {name: run[name] for name in END} == END


def test_what_was_missing_is_filled_and_what_was_there_stays(api: Api, mine: str) -> None:
    api.post(event_id=mine, product="first")

    api.post(event_id=mine, product=None, host="second", metrics_json={"a": 1})

    run = api.get(mine)
    assert (run["product"], run["host"], run["metrics_json"]) == ("first", "second", {"a": 1})


def test_an_end_that_comes_with_a_batch_ends_the_run_in_one_batch_too(api: Api, mine: str) -> None:
    api.batch(a_run(event_id=mine), a_run(event_id=mine, **END))

    assert api.get(mine)["status"] == "failure"


def test_a_run_that_is_sent_again_word_by_word_changes_nothing(api: Api, mine: str) -> None:
    run = a_run(event_id=mine, **END)
    api.client.post(RUNS, json=run)
    before = api.get(mine)

    api.client.post(RUNS, json=run)

    after = api.get(mine)
    assert after | {"updated_at": None} == before | {"updated_at": None}


def test_every_time_of_a_run_is_in_utc_and_of_one_form(api: Api, mine: str) -> None:
    api.made(
        event_id=mine,
        start_time="2026-01-01 12:00:00",
        created_at="2026-01-01T12:00:00.5-05:00",
    )
    run = api.patched(mine, end_time="2026-01-01T20:00:00Z")

    times = [run[name] for name in ("start_time", "created_at", "end_time", "updated_at")]
    assert {time[10] + time[-6:] for time in times} == {"T+00:00"}
    assert [datetime.fromisoformat(time).hour for time in times[:3]] == [12, 17, 20]


def test_the_time_of_the_last_change_moves_with_every_change(api: Api, mine: str) -> None:
    times = [api.made(event_id=mine)["updated_at"]]

    times.append(api.patched(mine, items_failed=1)["updated_at"])
    api.associate(mine, commit_hash="abc1234", commit_source="ci")
    times.append(api.get(mine)["updated_at"])

    assert times == sorted(set(times))


def test_an_event_of_a_run_reaches_the_service(api: Api, mine: str) -> None:
    run = api.made(event_id=mine, run_id=own())
    fact = {"event_type": "tick", "run_id": run["run_id"], "payload": {"step": 1}}
    record = a_record("event", own(), **fact)

    api.client.post(RECORDS, json={"records": [record, record]})

    for name in (mine, run["run_id"]):
        (event,) = api.client.get(f"{RUNS}/{name}/events").json()
        assert (event["event_type"], event["payload_json"]) == ("tick", {"step": 1})
        assert event["timestamp"].startswith("2026-01-01T12:00:00")


def test_the_file_can_be_read_and_cleaned_by_others_meanwhile(
    api: Api, service: Service, mine: str
) -> None:
    api.post(event_id=mine, agent_name=mine)

    with closing(sqlite3.connect(service.database)) as other, other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert other.execute("PRAGMA synchronous").fetchone() == (2,)
        removed = other.execute("DELETE FROM agent_runs WHERE event_id = ?", (mine,)).rowcount

    assert removed == 1
    assert api.client.get(f"{RUNS}/{mine}").status_code == 404
    assert mine not in api.client.get("/metrics").json()["agents"]


def test_what_others_wrote_is_found(api: Api, service: Service, mine: str) -> None:
    columns = "event_id, run_id, created_at, start_time, agent_name, job_type"
    values = (mine, mine, "2026-01-01 12:00:00", "2026-01-01T12:00:00Z", mine, "by hand")
    with closing(sqlite3.connect(service.database)) as other, other:
        other.execute(f"INSERT INTO agent_runs ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)

    assert api.found(agent_name=mine) == [mine]
    assert api.client.get("/metrics").json()["agents"][mine] == 1
    assert mine in api.client.get("/api/v1/metadata").json()["agent_names"]


def test_json_that_others_broke_is_given_back_as_the_text_it_is(
    api: Api, service: Service, mine: str
) -> None:
    api.post(event_id=mine)
    with closing(sqlite3.connect(service.database)) as other, other:
        other.execute("UPDATE agent_runs SET metrics_json = '{x' WHERE event_id = ?", (mine,))

    run = api.get(mine)

    assert run["metrics_json"] == "{x"
    assert run["metrics_json_parse_error"]
    assert api.found(agent_name=run["agent_name"], limit=1) is not None
