"""Each row of a batch is judged by itself, and all that are sound are stored together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.asking import RUNS, START, Asked, run

if TYPE_CHECKING:
    from pathlib import Path

BATCH = f"{RUNS}/batch"


def _told(inserted: int, duplicates: int, total: int, errors: list[str] | None = None) -> Any:
    return {
        "inserted": inserted,
        "duplicates": duplicates,
        "errors": errors or [],
        "total": total,
    }


def test_a_row_that_is_no_run_keeps_no_other_from_being_stored(service: Asked) -> None:
    rows = [run("a"), {"event_id": "b"}, run("c", status="odd"), 7, run("d", items_failed=-1)]
    told = service.post(BATCH, json=rows).json()
    assert (told["inserted"], told["total"]) == (1, 5)
    assert [error.partition(":")[0] for error in told["errors"]] == ["b", "c", "row 3", "d"]
    assert "run_id: Field required; start_time: Field required" in told["errors"][0]


def test_duplicates_count_inside_the_batch_too(service: Asked) -> None:
    service.post(RUNS, json=run("a"))
    rows = [run("a"), run("b"), run("b"), run("c")]
    assert service.post(BATCH, json=rows).json() == _told(2, 2, 4)


def test_an_empty_list_is_all_zeros(service: Asked) -> None:
    answer = service.post(BATCH, json=[])
    assert (answer.status_code, answer.json()) == (200, _told(0, 0, 0))


def test_a_wrapped_batch_is_created_with_two_keys_more(service: Asked) -> None:
    answer = service.post(BATCH, json={"runs": [run("a"), run("a")]})
    assert answer.status_code == 201
    assert answer.json() == {**_told(1, 1, 2), "created": 1, "status": "created"}


@pytest.mark.parametrize("body", [{}, {"runs": 1}, 1, "text", None, {"runs": {}}], ids=str)
def test_what_is_no_list_of_rows_is_422(service: Asked, body: Any) -> None:
    answer = service.post(BATCH, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


def test_malformed_json_is_422_and_nothing_is_stored(service: Asked) -> None:
    body = service.post(BATCH, json=[run("x")]).request.content
    answer = service.post(BATCH, content=body.replace(b'"x"', b'"y"')[:-1] + b",}")
    assert answer.json()["detail"][0]["type"] == "json_invalid"
    assert [found["event_id"] for found in service.get(RUNS).json()] == ["x"]


def test_an_end_that_was_buffered_without_a_time_of_creation_ends_its_run(service: Asked) -> None:
    service.post(RUNS, json=run(created_at=START))
    service.patch(f"{RUNS}/e1", json={"items_discovered": 1})
    end = run(status="success", end_time=START, created_at=None, items_discovered=9)
    assert service.post(BATCH, json=[end]).json() == _told(0, 1, 1)
    stored = service.stored()
    assert (stored["status"], stored["items_discovered"]) == ("success", 9)
    assert stored["created_at"] == START


def test_rows_in_pythons_own_json_are_stored_too(service: Asked) -> None:
    body = service.post(BATCH, json=[run("x", metrics_json={"a": 1})]).request.content
    odd = body.replace(b'"x"', b'"y\\ud800"').replace(b'{"a":1}', b'{"a":NaN}')
    assert service.post(BATCH, content=odd).json() == _told(1, 0, 1)
    assert service.stored("y\\ud800")["metrics_json"] == {"a": None}


def test_more_rows_than_may_come_at_once_are_413(tmp_path: Path) -> None:
    with Asked(tmp_path / "runs.sqlite", max_batch=2) as service:
        answer = service.post(BATCH, json=[run("a"), run("b"), run("c")])
        assert answer.status_code == 413
        assert "3" in answer.json()["detail"]
        assert service.get(RUNS).json() == []


def test_a_large_batch_is_stored_whole(service: Asked) -> None:
    rows = [run(f"e{number}", metrics_json={"number": number}) for number in range(3000)]
    assert service.post(BATCH, json=rows).json() == _told(3000, 0, 3000)
    answer = service.get(RUNS, params={"limit": 1, "total": True})
    assert answer.headers["X-Total-Count"] == "3000"
