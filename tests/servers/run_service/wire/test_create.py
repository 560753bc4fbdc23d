"""`POST /api/v1/runs`: what a run may say, what it is refused for, and what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.wire.telling import REQUIRED, RUNS, a_run, detail, problems

if TYPE_CHECKING:
    import httpx

    from tests.servers.run_service.wire.telling import Api

TEXTS = [
    *("product", "product_family", "platform", "subdomain", "website", "website_section"),
    *("item_name", "input_summary", "output_summary", "source_ref", "target_ref"),
    *("error_summary", "error_details", "git_repo", "git_branch", "git_commit_hash"),
    *("git_run_tag", "git_commit_author", "agent_owner", "host", "environment", "trigger_type"),
    *("insight_id", "parent_run_id"),
]
COUNTS = ("items_discovered", "items_succeeded", "items_failed", "items_skipped")
NUMBERS = (*COUNTS, "duration_ms", "api_retry_count")


def test_a_new_run_is_created(api: Api, mine: str) -> None:
    answer = api.post(event_id=mine, run_id="r")

    assert answer.status_code == 201
    assert answer.json() == {"status": "created", "event_id": mine, "run_id": "r"}


def test_a_run_that_is_known_is_a_duplicate(api: Api, mine: str) -> None:
    api.post(event_id=mine)

    answer = api.post(event_id=mine)

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "duplicate",
        "event_id": mine,
        "message": "Event already exists (idempotent)",
    }


def test_several_runs_may_have_one_run_id(api: Api, mine: str) -> None:
    assert [api.post(run_id=mine).status_code for _ in range(2)] == [201, 201]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_run_needs(api: Api, name: str) -> None:
    run = a_run()
    del run[name]

    assert problems(api.client.post(RUNS, json=run)) == [("body", name)]


@pytest.mark.parametrize("value", [None, 7, ["x"], {}, True])
def test_what_a_run_needs_is_a_text(api: Api, value: Any) -> None:
    answer = api.post(**dict.fromkeys(REQUIRED, value))

    assert problems(answer) == [("body", name) for name in REQUIRED]


def test_every_problem_is_named_at_once_in_the_order_of_the_fields(api: Api) -> None:
    assert problems(api.client.post(RUNS, json={})) == [("body", name) for name in REQUIRED]


def test_a_problem_says_what_it_is(api: Api) -> None:
    problem = api.post(items_failed="many").json()["detail"][0]

    assert problem["type"] == "int_parsing"
    assert problem["input"] == "many"
    assert problem["msg"]


@pytest.mark.parametrize(
    "text", ["", "x", "Ünïcode, 'quotes', \t and \n lines", "\U0001f680", None]
)
def test_a_text_is_kept_as_it_is(api: Api, text: str | None) -> None:
    said = dict.fromkeys(TEXTS, text)

    run = api.made(**said)

    assert {name: run[name] for name in TEXTS} == said


def test_a_text_is_no_number(api: Api) -> None:
    names = {*TEXTS, "git_commit_timestamp", "end_time", "created_at", "api_posted_at"}

    assert {name for _, name in problems(api.post(**dict.fromkeys(names, 5)))} == names


def test_a_summary_may_be_200_kilobytes_long(api: Api) -> None:
    assert len(api.made(output_summary="x" * 200_000)["output_summary"]) == 200_000


@pytest.mark.parametrize(("said", "kept"), [(0, 0), (7, 7), ("12", 12), (3.0, 3), (True, 1)])
def test_a_number_is_read_leniently(api: Api, said: Any, kept: int) -> None:
    run = api.made(**dict.fromkeys(NUMBERS, said))

    assert [run[name] for name in NUMBERS] == [kept] * 6


@pytest.mark.parametrize("value", [-1, 1.5, "x", [], 2**63, 10**400, "1e999"])
def test_a_number_is_refused(api: Api, value: Any) -> None:
    refused = problems(api.post(**dict.fromkeys(NUMBERS, value)))

    assert {name for _, name in refused} == {*NUMBERS}


def test_the_largest_number_is_kept_to_the_digit(api: Api) -> None:
    assert api.made(duration_ms=2**63 - 1)["duration_ms"] == 2**63 - 1


def test_a_count_cannot_be_null(api: Api) -> None:
    refused = problems(api.post(**dict.fromkeys(COUNTS, None)))

    assert {name for _, name in refused} == {*COUNTS}


def test_no_duration_is_none(api: Api) -> None:
    assert api.made(duration_ms=None)["duration_ms"] == 0


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        *((status, status) for status in ("running", "success", "failure")),
        *((status, status) for status in ("partial", "timeout", "cancelled")),
        ("failed", "failure"),
        ("completed", "success"),
        ("succeeded", "success"),
    ],
)
def test_a_status_is_kept_as_its_canonical_word(api: Api, said: str, kept: str) -> None:
    assert api.made(status=said)["status"] == kept


@pytest.mark.parametrize("status", ["done", "", None, 1, ["success"]])
def test_a_status_that_nobody_knows_is_refused(api: Api, status: Any) -> None:
    assert problems(api.post(status=status)) == [("body", "status")]


def test_a_run_runs_unless_it_says_otherwise(api: Api) -> None:
    run = api.made()

    assert run["status"] == "running"
    assert [run[name] for name in NUMBERS] == [0] * 6
    assert run["api_posted"] is False


@pytest.mark.parametrize(("said", "kept"), [(1, True), ("yes", True), ("off", False), (0, False)])
def test_a_flag_is_read_leniently(api: Api, said: Any, kept: bool) -> None:
    assert api.made(api_posted=said)["api_posted"] is kept


@pytest.mark.parametrize("flag", [2, "perhaps", None])
def test_a_flag_is_refused(api: Api, flag: Any) -> None:
    assert problems(api.post(api_posted=flag)) == [("body", "api_posted")]


@pytest.mark.parametrize("name", ["metrics_json", "context_json"])
def test_an_object_is_given_back_as_it_was_said(api: Api, name: str) -> None:
    said = {"ä": [1, 2.5, None, {"deep": True}], "big": 2**70}

    assert api.made(**{name: said})[name] == said


@pytest.mark.parametrize("name", ["metrics_json", "context_json"])
def test_an_empty_object_is_none(api: Api, name: str) -> None:
    assert api.made(**{name: {}})[name] is None


@pytest.mark.parametrize("name", ["metrics_json", "context_json"])
def test_a_text_that_is_an_object_is_taken_for_one(api: Api, name: str) -> None:
    assert api.made(**{name: '{"tokens": 1500}'})[name] == {"tokens": 1500}


@pytest.mark.parametrize("name", ["metrics_json", "context_json"])
@pytest.mark.parametrize("value", ["no json", "[1]", "5", [1], 5, True])
def test_what_is_no_object_is_refused(api: Api, name: str, value: Any) -> None:
    assert {place[:2] for place in problems(api.post(**{name: value}))} == {("body", name)}


@pytest.mark.parametrize("source", ["manual", "llm", "ci"])
def test_all_that_is_said_of_a_commit_is_kept(api: Api, source: str) -> None:
    run = api.made(
        git_commit_hash="any",
        git_commit_source=source,
        git_commit_author="A <a@example.com>",
        git_commit_timestamp="2026-01-01T12:00:00Z",
    )

    assert run["git_commit_hash"] == "any"
    assert run["git_commit_source"] == source
    assert run["git_commit_author"] == "A <a@example.com>"
    assert run["git_commit_timestamp"] == "2026-01-01T12:00:00Z"


def test_a_commit_comes_from_a_known_source(api: Api) -> None:
    assert problems(api.post(git_commit_source="automated")) == [("body", "git_commit_source")]


@pytest.mark.parametrize("name", ["start_time", "end_time", "created_at"])
@pytest.mark.parametrize("said", ["2026-01-01T13:00:00+01:00", "2026-01-01T12:00:00Z"])
def test_a_time_is_kept_in_utc(api: Api, name: str, said: str) -> None:
    kept = datetime.fromisoformat(api.made(**{name: said})[name])

    assert kept == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert kept.utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["start_time", "end_time", "created_at"])
@pytest.mark.parametrize("said", ["yesterday", "2026-13-01T00:00:00Z", "", "12:00"])
def test_what_is_no_time_is_refused(api: Api, name: str, said: str) -> None:
    assert problems(api.post(**{name: said})) == [("body", name)]


@pytest.mark.parametrize("created_at", [{}, {"created_at": None}])
def test_a_run_without_a_time_of_creation_gets_one(api: Api, created_at: dict[str, Any]) -> None:
    kept = api.made(**created_at)["created_at"]

    assert datetime.fromisoformat(kept).utcoffset() == timedelta(0)


def test_what_no_run_has_is_left_out(api: Api, mine: str) -> None:
    more = {"record_type": "run", "schema_version": 6, "updated_at": None, "colour": "red", "id": 1}

    assert api.post(event_id=mine, **more).status_code == 201
    assert "colour" not in api.get(mine)


def test_an_empty_event_id_is_refused(api: Api) -> None:
    assert problems(api.post(event_id="")) == [("body", "event_id")]


@pytest.mark.parametrize(
    "body", ["", "{", "[", "nul", '{"a":1}}', '{"a": NaN}', '{"a": 1e999}x', "'{}'"]
)
def test_what_is_no_json_is_refused(client: httpx.Client, body: str) -> None:
    answer = client.post(RUNS, content=body, headers={"content-type": "application/json"})

    assert {place[0] for place in problems(answer)} == {"body"}


def test_a_syntax_error_says_where_it_is(client: httpx.Client) -> None:
    answer = client.post(RUNS, content='{"event_id" "x"}')

    problem = detail(answer)[0]
    assert (problem["type"], problem["loc"]) == ("json_invalid", ["body", 12])


def test_a_request_without_a_body_is_refused(client: httpx.Client) -> None:
    problem = detail(client.post(RUNS))[0]

    assert (problem["type"], problem["loc"]) == ("missing", ["body"])


@pytest.mark.parametrize("body", ["[]", "5", "null", '"text"', "[[]]"])
def test_a_body_that_is_no_object_is_refused(client: httpx.Client, body: str) -> None:
    answer = client.post(RUNS, content=body, headers={"content-type": "application/json"})

    assert [place[0] for place in problems(answer)] == ["body"]


def test_a_body_without_a_content_type_is_json(client: httpx.Client) -> None:
    request = client.build_request("POST", RUNS, json=a_run())
    del request.headers["content-type"]

    assert client.send(request).status_code == 201


def test_a_body_that_says_it_is_text_is_refused(client: httpx.Client) -> None:
    answer = client.post(RUNS, json=a_run(), headers={"content-type": "text/plain"})

    assert answer.status_code == 422
    assert isinstance(detail(answer), list)
