"""Runs are found by what they are, in one order, page by page, and told in the documented form."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from telemetry_run_service.answers.answer import RECORD_FIELDS

from tests.servers.run_service.asking import RUNS, START, run

if TYPE_CHECKING:
    from tests.servers.run_service.asking import Asked


def _store(service: Asked, *runs: dict[str, Any]) -> None:
    assert service.post(f"{RUNS}/batch", json=[*runs]).json()["inserted"] == len(runs)


def _ids(service: Asked, **asked: Any) -> list[str]:
    answer = service.get(RUNS, params=asked)
    assert answer.status_code == 200, answer.text
    return [found["event_id"] for found in answer.json()]


def _created(minute: int) -> str:
    return f"2026-01-31T09:{minute:02d}:00Z"


@pytest.mark.parametrize("status", ["odd", "Success", "canceled", " success"])
def test_a_status_that_no_run_has_is_400(service: Asked, status: str) -> None:
    answer = service.get(RUNS, params={"status": status})
    assert answer.status_code == 400
    assert repr(status) in answer.json()["detail"]


@pytest.mark.parametrize(
    "name", ["created_before", "created_after", "start_time_from", "start_time_to"]
)
def test_a_time_that_is_none_is_400(service: Asked, name: str) -> None:
    answer = service.get(RUNS, params={name: "soon"})
    assert answer.status_code == 400
    assert answer.json() == {"detail": f"Invalid ISO8601 timestamp for {name}: 'soon'"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "1001"), ("limit", "x"), ("limit", ""), ("offset", "-1")],
)
def test_a_number_out_of_bounds_is_422_at_its_place(service: Asked, name: str, value: str) -> None:
    answer = service.get(RUNS, params={name: value})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", name]


def test_an_offset_beyond_every_integer_is_422(service: Asked) -> None:
    assert service.get(RUNS, params={"offset": 2**63}).status_code == 422


@pytest.mark.parametrize("cursor", ["x", "!", "WyJhIiwgLTFd", "\N{SNOWMAN}"])
def test_a_cursor_that_is_none_is_400(service: Asked, cursor: str) -> None:
    assert service.get(RUNS, params={"after": cursor}).status_code == 400


def test_the_newest_comes_first_and_of_one_moment_the_first_that_came(service: Asked) -> None:
    moments = {"a": 1, "b": 2, "c": 2, "d": 1}
    _store(service, *[run(name, created_at=_created(minute)) for name, minute in moments.items()])
    assert _ids(service) == ["b", "c", "a", "d"]


def test_order_goes_by_the_instant_and_not_by_the_text(service: Asked) -> None:
    _store(
        service,
        run("later", created_at="2026-01-31T01:00:00Z"),
        run("earlier", created_at="2026-01-31T05:00:00+05:00"),
    )
    assert _ids(service) == ["later", "earlier"]


def test_filters_hold_together_and_empty_ones_do_not_count(service: Asked) -> None:
    _store(service, run("a", status="failed"), run("b", agent_name="other"), run("c"))
    assert _ids(service, status="failed", agent_name="crawler") == ["a"]
    assert _ids(service, agent_name="crawler", status="", unknown="x") == ["a", "c"]
    assert _ids(service, run_id="run-b") == ["b"]


def test_bounds_of_creation_are_excluded_and_those_of_the_start_included(service: Asked) -> None:
    _store(service, run("a", created_at=START))
    assert _ids(service, created_after=START) == _ids(service, created_before=START) == []
    assert _ids(service, start_time_from=START, start_time_to=START) == ["a"]


def test_a_plus_that_nobody_encoded_is_read_as_one(service: Asked) -> None:
    _store(service, run("a", created_at=START))
    answer = service.get(f"{RUNS}?created_before=2026-01-31T14:30:01+05:00")
    assert [found["event_id"] for found in answer.json()] == ["a"]
    assert _ids(service, created_after="2026-01-31 09:00") == ["a"]


def test_of_a_repeated_parameter_the_last_counts(service: Asked) -> None:
    _store(service, run("a"), run("b", agent_name="other"))
    answer = service.get(f"{RUNS}?agent_name=crawler&agent_name=other&limit=x&limit=5")
    assert [found["event_id"] for found in answer.json()] == ["b"]


def test_the_link_leads_through_all_pages_even_if_more_comes_meanwhile(service: Asked) -> None:
    _store(service, *[run(f"e{n}", created_at=_created(n // 3)) for n in range(10)])
    seen: list[str] = []
    path: str | None = f"{RUNS}?limit=3&agent_name=crawler&total=true"
    while path:
        answer = service.get(path)
        seen += [found["event_id"] for found in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None
        service.post(RUNS, json=run(f"late-{len(seen)}"))
    assert seen == ["e9", "e6", "e7", "e8", "e3", "e4", "e5", "e0", "e1", "e2"]


def test_a_page_says_how_many_there_are_when_asked(service: Asked) -> None:
    _store(service, run("a"), run("b"), run("c", agent_name="other"))
    answer = service.get(RUNS, params={"total": "true", "limit": 1, "agent_name": "crawler"})
    assert answer.headers["X-Total-Count"] == "2"
    assert "X-Total-Count" not in service.get(RUNS).headers
    assert "Link" not in service.get(RUNS).headers


def test_offset_and_limit_cut_a_piece_out(service: Asked) -> None:
    _store(service, *[run(f"e{n}", created_at=_created(n)) for n in range(5)])
    assert _ids(service, offset=1, limit=2) == ["e3", "e2"]


def test_a_record_has_the_documented_keys_in_their_order(service: Asked) -> None:
    _store(service, run())
    (found,) = service.get(RUNS).json()
    assert [*found] == [*RECORD_FIELDS, "commit_url", "repo_url"]
    assert [*service.stored()] == [*found]


def test_who_knows_us_is_told_two_columns_more(service: Asked) -> None:
    _store(service, run())
    service.patch(f"{RUNS}/e1", json={"items_failed": 1})
    headers = {"X-Telemetry-Client": "test"}
    (found,) = service.get(RUNS, headers=headers).json()
    assert [*found][-3:] == ["repo_url", "revision", "inferred"]
    assert (found["revision"], found["inferred"]) == (1, False)
    assert service.get(f"{RUNS}/e1", headers=headers).json() == found


@pytest.mark.parametrize(
    ("text", "value", "error"),
    [
        ('{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}, False),
        ('{"a": NaN}', {"a": None}, False),
        ("{torn", "{torn", True),
        ('{"a": "\\q"}', '{"a": "\\q"}', True),
        ('{"a": "\t"}', '{"a": "\t"}', True),
        ('{"a": 01}', '{"a": 01}', True),
        ("", "", True),
        ('{"a": 1} x', '{"a": 1} x', True),
        ('"\\ud800"', "\\ud800", False),
    ],
)
def test_stored_text_that_is_no_json_stays_text_beside_the_reason(
    service: Asked, text: str, value: Any, error: bool
) -> None:
    _store(service, run())
    with closing(sqlite3.connect(service.database, isolation_level=None)) as other:
        other.execute("UPDATE agent_runs SET metrics_json = ?", (text,))
    for found in (service.stored(), *service.get(RUNS).json()):
        assert found["metrics_json"] == value
        assert ("metrics_json_parse_error" in found) is error


@pytest.mark.parametrize(
    "event_id", ["a/b", "a%2Fb", "a b?c#d", "\N{SNOWMAN}", "x" * 2000, "batch", "a/b/events"]
)
def test_a_run_of_any_id_is_found_by_it(service: Asked, event_id: str) -> None:
    service.post(RUNS, json=run(event_id))
    answer = service.get(f"{RUNS}/{quote(event_id, safe='')}")
    assert answer.json()["event_id"] == event_id
    assert service.get(f"{RUNS}/{quote(event_id, safe='')}/repo-url").status_code == 200


def test_a_run_that_is_not_there_is_404(service: Asked) -> None:
    answer = service.get(f"{RUNS}/batch")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Run not found: batch"})


def _tell_events(service: Asked, count: int) -> None:
    records = [
        {
            "kind": "event",
            "id": f"event-{number}",
            "seq": number,
            "time": 1_700_000_000_000_000_000 + number,
            "body": {"event_type": "page", "run_id": "run-e1", "payload": {"number": number}},
        }
        for number in range(count)
    ]
    answer = service.post("/api/v1/records", json={"records": records})
    assert answer.json() == {"accepted": count, "rejected": []}


def test_events_are_told_in_their_order_page_by_page(service: Asked) -> None:
    service.post(RUNS, json=run())
    _tell_events(service, 5)
    first = service.get(f"{RUNS}/e1/events", params={"limit": 3})
    rest = service.get(first.links["next"]["url"])
    numbers = [event["payload_json"]["number"] for event in first.json() + rest.json()]
    assert numbers == [0, 1, 2, 3, 4]
    assert "next" not in rest.links
    assert service.get(f"{RUNS}/run-e1/events").json() == first.json() + rest.json()


def test_an_event_has_the_agreed_keys(service: Asked) -> None:
    service.post(RUNS, json=run())
    _tell_events(service, 1)
    (event,) = service.get(f"{RUNS}/e1/events").json()
    wanted = "id event_id run_id event_type timestamp payload_json distinct_id context_json"
    assert [*event] == wanted.split()
    assert json.dumps(event["payload_json"]) == '{"number": 0}'


def test_events_of_a_run_that_is_not_there_are_404(service: Asked) -> None:
    answer = service.get(f"{RUNS}/none/events")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Run not found: none"})


def test_runs_are_found_by_how_their_ids_begin(service: Asked) -> None:
    _store(service, run("aa-1"), run("aa-2", status="failed"), run("ab", run_id="aa-3"), run("b"))
    assert _ids(service, id_prefix="aa-") == ["aa-1", "aa-2", "ab"]
    assert _ids(service, id_prefix="aa-", status="failed") == ["aa-2"]
    assert _ids(service, id_prefix="aa-", limit=1) == ["aa-1"]
    assert _ids(service, id_prefix="%") == []


@pytest.mark.parametrize("value", ["x'ff41'", "CAST(x'ff41' AS TEXT)", "x'3132'"])
@pytest.mark.parametrize("column", ["git_repo", "git_commit_hash", "agent_name", "duration_ms"])
def test_bytes_that_another_program_stored_hide_no_run_and_no_figure(
    service: Asked, column: str, value: str
) -> None:
    repo = {"git_repo": "https://github.com/a/b", "git_commit_hash": "abc1234"}
    _store(service, run("e0", **repo), run("e1"))
    with closing(sqlite3.connect(service.database)) as connection, connection:
        connection.execute(f"UPDATE agent_runs SET {column} = {value} WHERE event_id = 'e0'")
    listed = {found["event_id"]: found for found in service.get(RUNS).json()}
    assert listed.keys() == {"e0", "e1"}
    assert service.get(f"{RUNS}/e0").json() == listed["e0"]
    for path in (
        "/metrics",
        "/metrics?format=prometheus",
        "/api/v1/metadata",
        f"{RUNS}/e0/commit-url",
    ):
        assert service.get(path).status_code == 200
    assert service.post(RUNS, json=run("e0", status="success")).json()["status"] == "duplicate"
    assert service.get(f"{RUNS}/e0").json()["status"] == "success"
