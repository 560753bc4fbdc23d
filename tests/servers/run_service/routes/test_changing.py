"""A run is changed in what is given and nothing else, in the documented order of checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.asking import RUNS, START, run

if TYPE_CHECKING:
    from tests.servers.run_service.asking import Asked

ONE = f"{RUNS}/e1"
COMMIT = {"commit_hash": "abc123456789manual", "commit_source": "manual"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "garbage"},
        {"items_failed": -1},
        {"items_discovered": -1},
        {"duration_ms": 2**63},
        {"end_time": "later"},
        {"metrics_json": "text"},
        {"git_commit_source": "magic"},
        {"error_summary": 1},
    ],
    ids=str,
)
def test_what_is_wrong_is_422_even_where_there_is_no_run(
    service: Asked, wrong: dict[str, Any]
) -> None:
    answer = service.patch(f"{RUNS}/none", json=wrong)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", *wrong]


def test_a_run_that_is_not_there_is_404_before_nothing_to_update_is_400(service: Asked) -> None:
    for body in ({"status": "success"}, {"agent_name": "x"}, {}):
        answer = service.patch(f"{RUNS}/none", json=body)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Run not found: none"})


@pytest.mark.parametrize("body", [{}, {"status": None}, {"agent_name": "x"}], ids=str)
def test_nothing_that_can_be_updated_is_400(service: Asked, body: dict[str, Any]) -> None:
    service.post(RUNS, json=run())
    answer = service.patch(ONE, json=body)
    assert (answer.status_code, answer.json()) == (400, {"detail": "No valid fields to update"})


def test_the_names_of_what_was_changed_come_in_the_order_of_the_model(service: Asked) -> None:
    service.post(RUNS, json=run())
    body = {"input_summary": "in", "items_discovered": 4, "end_time": START, "status": "failed"}
    assert service.patch(ONE, json=body).json() == {
        "event_id": "e1",
        "updated": True,
        "fields_updated": ["status", "end_time", "items_discovered", "input_summary"],
    }
    assert {**body, "status": "failure"}.items() <= service.stored().items()


def test_null_changes_nothing_and_empty_values_are_values(service: Asked) -> None:
    service.post(RUNS, json=run(error_summary="bad", output_summary="out", metrics_json={"a": 1}))
    service.patch(ONE, json={"error_summary": None, "output_summary": "", "metrics_json": {}})
    stored = service.stored()
    assert (stored["error_summary"], stored["output_summary"]) == ("bad", "")
    assert stored["metrics_json"] == {}


def test_an_update_is_noted_in_its_time(service: Asked) -> None:
    service.post(RUNS, json=run())
    before = service.stored()["updated_at"]
    service.patch(ONE, json={"items_failed": 1, "updated_at": "1999-01-01T00:00:00Z"})
    assert service.stored()["updated_at"] > before


def test_an_ended_run_may_run_again(service: Asked) -> None:
    service.post(RUNS, json=run(status="success"))
    assert service.patch(ONE, json={"status": "running"}).status_code == 200
    assert service.stored()["status"] == "running"


def test_a_text_of_json_is_stored_as_its_object(service: Asked) -> None:
    service.post(RUNS, json=run())
    service.patch(ONE, json={"metrics_json": '{"pages": 3}'})
    assert service.stored()["metrics_json"] == {"pages": 3}


@pytest.mark.parametrize(
    "wrong", [{"commit_hash": "short"}, {"commit_hash": "x" * 41}, {"commit_source": "x"}], ids=str
)
def test_a_commit_that_is_none_is_422(service: Asked, wrong: dict[str, Any]) -> None:
    answer = service.post(f"{RUNS}/none/associate-commit", json={**COMMIT, **wrong})
    assert answer.status_code == 422


def test_a_commit_of_a_run_that_is_not_there_is_404(service: Asked) -> None:
    answer = service.post(f"{RUNS}/none/associate-commit", json=COMMIT)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Run not found: none"})


def test_a_commit_replaces_all_four_columns(service: Asked) -> None:
    service.post(RUNS, json=run(git_commit_author="Ada", git_commit_timestamp=START))
    answer = service.post(f"{ONE}/associate-commit", json=COMMIT)
    assert answer.json() == {
        "status": "success",
        "event_id": "e1",
        "run_id": "run-e1",
        "commit_hash": "abc123456789manual",
    }
    stored = service.stored()
    assert stored["git_commit_source"] == "manual"
    assert stored["git_commit_author"] is stored["git_commit_timestamp"] is None
