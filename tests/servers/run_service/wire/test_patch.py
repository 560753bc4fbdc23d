"""`GET` and `PATCH /api/v1/runs/{event_id}`: one run, and what may be changed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.wire.telling import RECORD, a_run, detail, own, path_of, problems

if TYPE_CHECKING:
    import httpx

    from tests.servers.run_service.wire.telling import Api

VALUES = {
    "status": "success",
    "end_time": "2026-01-01T13:00:00.000000+00:00",
    "duration_ms": 1,
    "error_summary": "es",
    "error_details": "ed",
    "output_summary": "os",
    "items_succeeded": 2,
    "items_failed": 3,
    "items_skipped": 4,
    "metrics_json": {"m": 1},
    "context_json": {"c": 2},
    "git_commit_source": "llm",
    "git_commit_author": "A <a@example.com>",
    "git_commit_timestamp": "2026-01-01T14:30:00Z",
    "items_discovered": 5,
    "input_summary": "is",
}


def test_one_run_is_the_record_of_the_list(api: Api) -> None:
    assert [*api.made()][: len(RECORD)] == RECORD


def test_a_run_that_nobody_told_of_is_not_found(client: httpx.Client) -> None:
    answer = client.get(path_of("no such"))

    assert answer.status_code == 404
    assert detail(answer) == "Run not found: no such"


@pytest.mark.parametrize(
    "odd", ["a b", "ä", "a/b", "/a", "a%2Fb", "a?b", "a#b", "a&b=c", "'", "日本", ".", "a;b", "+"]
)
def test_a_run_is_addressed_by_whatever_its_id_is(api: Api, odd: str) -> None:
    event_id = f"{own()}{odd}" if odd != "." else f"{odd}{own()}"

    assert api.made(event_id=event_id)["event_id"] == event_id
    assert api.patched(event_id, status="success")["status"] == "success"


@pytest.mark.parametrize("rest", ["/associate-commit", "/commit-url", "/repo-url", "/events"])
def test_an_id_may_end_like_a_route(api: Api, rest: str) -> None:
    event_id = own() + rest

    assert api.made(event_id=event_id)["event_id"] == event_id
    assert api.client.get(f"{path_of(event_id)}/repo-url").json() == {"repo_url": None}


@pytest.mark.parametrize("name", VALUES)
def test_a_field_is_changed(api: Api, mine: str, name: str) -> None:
    before = api.made(event_id=mine)

    after = api.patched(mine, **{name: VALUES[name]})

    assert after[name] == VALUES[name]
    changed = {one for one in after if after[one] != before[one]}
    assert changed <= {name, "updated_at"}


def test_a_change_says_what_it_changed(api: Api, mine: str) -> None:
    api.post(event_id=mine)

    answer = api.patch(mine, **VALUES)

    assert answer.status_code == 200
    told = answer.json()
    assert (told["event_id"], told["updated"]) == (mine, True)
    assert sorted(told["fields_updated"]) == sorted(VALUES)
    assert told.keys() == {"event_id", "updated", "fields_updated"}


def test_a_change_moves_the_time_of_the_last_change(api: Api, mine: str) -> None:
    before = api.made(event_id=mine)["updated_at"]

    assert api.patched(mine, items_failed=1)["updated_at"] > before


@pytest.mark.parametrize("alias", ["failed", "completed", "succeeded"])
def test_a_status_may_be_an_alias(api: Api, mine: str, alias: str) -> None:
    api.post(event_id=mine)

    assert api.patched(mine, status=alias)["status"] in {"failure", "success"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "garbage"),
        ("status", 1),
        *((name, -1) for name in ("duration_ms", "items_failed", "items_discovered")),
        ("items_skipped", 1.5),
        ("items_skipped", 2**63),
        ("metrics_json", [1]),
        ("context_json", "no json"),
        ("git_commit_source", "automated"),
        ("end_time", "soon"),
        ("error_summary", 5),
    ],
)
def test_a_change_that_cannot_be_is_refused(api: Api, mine: str, name: str, value: Any) -> None:
    before = api.made(event_id=mine)

    answer = api.patch(mine, output_summary="meanwhile", **{name: value})

    assert {place[:2] for place in problems(answer)} == {("body", name)}
    assert api.get(mine) == before


def test_a_negative_number_is_named_as_such(api: Api, mine: str) -> None:
    api.post(event_id=mine)

    assert (
        "Value must be non-negative" in api.patch(mine, items_failed=-1).json()["detail"][0]["msg"]
    )


def test_null_changes_nothing(api: Api, mine: str) -> None:
    api.made(event_id=mine, error_summary="kept")

    after = api.patched(mine, error_summary=None, items_failed=2)

    assert (after["error_summary"], after["items_failed"]) == ("kept", 2)


@pytest.mark.parametrize(("name", "value"), [("error_summary", ""), ("metrics_json", {})])
def test_what_is_empty_is_a_value(api: Api, mine: str, name: str, value: Any) -> None:
    api.made(event_id=mine, error_summary="x", metrics_json={"a": 1})

    assert not api.patched(mine, **{name: value})[name]


def test_a_text_that_is_an_object_is_taken_for_one(api: Api, mine: str) -> None:
    api.post(event_id=mine)

    assert api.patched(mine, metrics_json='{"hits": 42}')["metrics_json"] == {"hits": 42}


@pytest.mark.parametrize("nothing", [{}, {"colour": "red"}, {"status": None}, {"event_id": "x"}])
def test_nothing_to_change_is_a_mistake(api: Api, mine: str, nothing: dict[str, Any]) -> None:
    api.post(event_id=mine)

    answer = api.client.patch(path_of(mine), json=nothing)

    assert answer.status_code == 400
    assert detail(answer) == "No valid fields to update"


def test_whether_the_run_is_there_is_asked_before_whether_anything_changes(api: Api) -> None:
    answer = api.patch("no such")

    assert answer.status_code == 404
    assert detail(answer) == "Run not found: no such"


def test_whether_the_change_can_be_is_asked_before_whether_the_run_is_there(api: Api) -> None:
    assert problems(api.patch("no such", status="garbage")) == [("body", "status")]


def test_a_run_that_ended_may_run_again(api: Api, mine: str) -> None:
    api.made(event_id=mine, status="success")

    assert api.patched(mine, status="running")["status"] == "running"


def test_what_a_client_of_the_original_sends_at_an_end_is_kept(api: Api, mine: str) -> None:
    api.post(event_id=mine)

    run = api.patched(
        mine, status="success", items_discovered=9, input_summary="in", updated_at="2026-01-01"
    )

    assert (run["items_discovered"], run["input_summary"]) == (9, "in")
    assert run["updated_at"] > "2026-01-02"


def test_two_changes_of_one_run_both_stand(api: Api, mine: str) -> None:
    api.batch(a_run(event_id=mine))

    api.patch(mine, items_failed=1)
    run = api.patched(mine, items_skipped=2)

    assert (run["items_failed"], run["items_skipped"]) == (1, 2)
