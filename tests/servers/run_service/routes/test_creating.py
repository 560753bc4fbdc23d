"""A run is stored once, whatever is sent again; what cannot be stored is told, never a 500."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.asking import RUNS, START, run

if TYPE_CHECKING:
    from tests.servers.run_service.asking import Asked

HUGE = 2**63


def _kinds(answer: Any) -> list[tuple[str, list[Any]]]:
    return [(problem["type"], problem["loc"]) for problem in answer.json()["detail"]]


def test_an_empty_object_lacks_five_fields_in_the_order_of_the_model(service: Asked) -> None:
    answer = service.post(RUNS, json={})
    assert answer.status_code == 422
    required = ("event_id", "run_id", "start_time", "agent_name", "job_type")
    assert _kinds(answer) == [("missing", ["body", name]) for name in required]
    assert all(problem["url"] and "input" in problem for problem in answer.json()["detail"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_id": ""},
        {"event_id": 1},
        {"start_time": "yesterday"},
        {"start_time": ""},
        {"created_at": "2026-13-01"},
        {"end_time": "0001-01-01T00:00:00+23:00"},
        {"status": "Success"},
        {"status": "canceled"},
        {"status": None},
        {"items_failed": -1},
        {"items_failed": None},
        {"items_failed": 1.5},
        {"items_failed": HUGE},
        {"duration_ms": -1},
        {"api_retry_count": "x"},
        {"api_posted": 2},
        {"metrics_json": [1]},
        {"metrics_json": "no object"},
        {"metrics_json": "[1]"},
        {"git_commit_source": "magic"},
    ],
    ids=str,
)
def test_what_no_run_can_be_is_one_problem_at_its_place(
    service: Asked, wrong: dict[str, Any]
) -> None:
    answer = service.post(RUNS, json=run(**wrong))
    assert answer.status_code == 422
    assert {place[1] for _, place in _kinds(answer)} == set(wrong)


def test_a_negative_number_is_named_as_such(service: Asked) -> None:
    (problem,) = service.post(RUNS, json=run(items_failed=-1)).json()["detail"]
    assert problem["msg"] == "Value error, Value must be non-negative"
    assert problem["type"] == "value_error"
    assert problem["url"].endswith("/v/value_error")


def test_malformed_json_is_told_with_its_place(service: Asked) -> None:
    answer = service.post(RUNS, content=b'{"event_id": }')
    (problem,) = answer.json()["detail"]
    assert answer.status_code == 422
    assert problem["type"] == "json_invalid"
    assert problem["loc"] == ["body", 13]


@pytest.mark.parametrize(
    "body", [b"\xff", b"{", b"nul", b'{"a": "\\x"}', b"[" * 100_000, b"9" * 10_000]
)
def test_whatever_is_no_json_is_422(service: Asked, body: bytes) -> None:
    answer = service.post(RUNS, content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_no_body_is_a_missing_one(service: Asked) -> None:
    assert _kinds(service.post(RUNS)) == [("missing", ["body"])]


def test_a_body_without_a_type_is_json_and_one_of_text_is_not(service: Asked) -> None:
    body = service.post(RUNS, json=run()).request.content
    assert service.post(RUNS, content=body).status_code == 200
    assert (
        service.post(RUNS, content=body, headers={"Content-Type": "text/plain"}).status_code == 422
    )


def test_a_new_run_is_created_and_a_known_one_a_duplicate(service: Asked) -> None:
    created, again = service.post(RUNS, json=run()), service.post(RUNS, json=run())
    assert (created.status_code, again.status_code) == (201, 200)
    assert created.json() == {"status": "created", "event_id": "e1", "run_id": "run-e1"}
    assert again.json() == {
        "status": "duplicate",
        "event_id": "e1",
        "message": "Event already exists (idempotent)",
    }


def test_of_sixteen_at_once_one_creates_the_run(service: Asked) -> None:
    answers = service.together(*[("POST", RUNS, {"json": run()})] * 16)
    assert sorted(answer.status_code for answer in answers) == [*[200] * 15, 201]


def test_a_late_end_ends_the_run_and_a_later_one_changes_nothing_of_it(service: Asked) -> None:
    service.post(RUNS, json=run())
    end: dict[str, Any] = {
        "status": "failed",
        "end_time": START,
        "created_at": None,
        "items_failed": 3,
    }
    service.post(RUNS, json=run(**end))
    service.post(RUNS, json=run(status="success", end_time=START))
    stored = service.stored()
    assert (stored["status"], stored["items_failed"]) == ("failure", 3)


def test_a_duplicate_fills_what_was_empty(service: Asked) -> None:
    service.post(RUNS, json=run(product="shop"))
    service.post(RUNS, json=run(host="web-1"))
    stored = service.stored()
    assert (stored["product"], stored["host"]) == ("shop", "web-1")


def test_the_lax_forms_of_numbers_are_taken(service: Asked) -> None:
    service.post(RUNS, json=run(items_failed="12", items_skipped=3.0, api_posted="yes"))
    stored = service.stored()
    assert (stored["items_failed"], stored["items_skipped"]) == (12, 3)
    assert stored["api_posted"] is True


def test_times_are_stored_in_utc(service: Asked) -> None:
    service.post(RUNS, json=run(start_time="2026-01-31T14:30:00+05:00", end_time="2026-01-31"))
    stored = service.stored()
    assert stored["start_time"] == START
    assert stored["end_time"] == "2026-01-31T00:00:00.000000+00:00"


def test_what_the_reference_drops_is_stored(service: Asked) -> None:
    fields: dict[str, Any] = {
        "git_commit_source": "ci",
        "git_commit_author": "Ada",
        "git_commit_timestamp": START,
        "agent_owner": "team",
    }
    service.post(RUNS, json=run(**fields))
    assert fields.items() <= service.stored().items()


def test_metrics_may_come_as_text_that_is_an_object(service: Asked) -> None:
    service.post(RUNS, json=run(metrics_json='{"pages": 3}', context_json={}))
    stored = service.stored()
    assert stored["metrics_json"] == {"pages": 3}
    assert stored["context_json"] is None


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b'"a\\u0000b"', "a\0b"),
        (b'"\\ud800"', "\\ud800"),
        (b'"' + b"x" * 200_000 + b'"', "x" * 200_000),
        ('"\N{SNOWMAN}"'.encode(), "\N{SNOWMAN}"),
    ],
    ids=["NUL", "half a surrogate", "200 kB", "a snowman"],
)
def test_hostile_text_is_stored(service: Asked, sent: bytes, stored: str) -> None:
    body = service.post(RUNS, json=run("other")).request.content
    whole = body.replace(b'"other"', b'"e1"')[:-1] + b',"input_summary":' + sent + b"}"
    assert service.post(RUNS, content=whole).status_code == 201
    assert service.stored()["input_summary"] == stored


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b'{"a": NaN}', {"a": None}),
        (b'{"a": 1e999}', {"a": None}),
        (b'{"a": %d}' % 2**80, {"a": 2**80}),
    ],
    ids=["NaN", "infinity", "a large number"],
)
def test_hostile_numbers_are_stored(service: Asked, sent: bytes, stored: Any) -> None:
    body = service.post(RUNS, json=run("other")).request.content
    whole = body.replace(b'"other"', b'"e1"')[:-1] + b',"metrics_json":' + sent + b"}"
    assert service.post(RUNS, content=whole).status_code == 201
    assert service.stored()["metrics_json"] == stored


def test_what_is_nested_deep_is_cut_or_refused(service: Asked) -> None:
    body = service.post(RUNS, json=run("other")).request.content
    for event_id, depth in (("deep", 500), ("deeper", 100_000)):
        deep = b'{"a":' * depth + b"1" + b"}" * depth
        whole = body.replace(b'"other"', f'"{event_id}"'.encode())[:-1]
        answer = service.post(RUNS, content=whole + b',"metrics_json":' + deep + b"}")
        assert answer.status_code in {201, 422}
    assert service.get(RUNS).status_code == 200


def test_credentials_in_the_address_of_a_repository_are_not_stored(service: Asked) -> None:
    service.post(RUNS, json=run(git_repo="https://me:secret@github.com/a/b.git"))
    assert b"secret" not in service.database.read_bytes()
    assert service.stored()["git_repo"] == "https://github.com/a/b.git"


def test_a_problem_does_not_repeat_a_large_body(service: Asked) -> None:
    answer = service.post(RUNS, json={"input_summary": "x" * 300_000})
    assert answer.status_code == 422
    assert len(answer.content) < 100_000
