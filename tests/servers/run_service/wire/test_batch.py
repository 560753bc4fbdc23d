"""`POST /api/v1/runs/batch`: each row has an outcome of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.wire.telling import RUNS, a_run, detail

if TYPE_CHECKING:
    import httpx

    from tests.servers.run_service.wire.telling import Api

BATCH = f"{RUNS}/batch"


def test_a_batch_says_exactly_four_things(api: Api) -> None:
    answer = api.batch(a_run(), a_run())

    assert answer.status_code == 200
    assert answer.json() == {"inserted": 2, "duplicates": 0, "errors": [], "total": 2}


def test_every_row_of_a_batch_is_stored(api: Api) -> None:
    runs = [a_run(items_failed=count) for count in range(50)]

    api.batch(*runs)

    assert [api.get(run["event_id"])["items_failed"] for run in runs] == [*range(50)]


def test_an_empty_batch_is_answered_with_zeros(api: Api) -> None:
    assert api.batch().json() == {"inserted": 0, "duplicates": 0, "errors": [], "total": 0}


def test_ids_that_are_known_are_duplicates(api: Api) -> None:
    known, twice = a_run(), a_run()
    api.batch(known)

    told = api.batch(known, twice, twice, twice).json()

    assert told == {"inserted": 1, "duplicates": 3, "errors": [], "total": 4}


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "done"},
        {"items_failed": -1},
        {"duration_ms": 2**63},
        {"run_id": 5},
        {"run_id": None},
        {"metrics_json": "no json"},
        {"start_time": "soon"},
        {"git_commit_source": "automated"},
    ],
)
def test_a_row_that_no_schema_takes_is_an_error_of_its_own(api: Api, wrong: dict[str, Any]) -> None:
    before, bad, after = a_run(), a_run(**wrong), a_run()

    answer = api.batch(before, bad, after)

    assert answer.status_code == 200
    told = answer.json()
    assert (told["inserted"], told["duplicates"], told["total"]) == (2, 0, 3)
    assert [error.split(": ")[0] for error in told["errors"]] == [bad["event_id"]]
    assert api.get(after["event_id"])
    assert api.client.get(f"{RUNS}/{bad['event_id']}").status_code == 404


@pytest.mark.parametrize("row", [None, 5, "run", [], {}, {"run_id": "r"}, {"event_id": ""}])
def test_a_row_without_an_id_is_an_error_too(api: Api, row: Any) -> None:
    good = a_run()

    told = api.batch(row, good).json()

    assert (told["inserted"], len(told["errors"]), told["total"]) == (1, 1, 2)
    assert api.get(good["event_id"])


def test_a_row_without_a_time_of_creation_is_stored(api: Api) -> None:
    run = a_run(created_at=None, status="success")

    assert api.batch(run).json()["errors"] == []
    assert api.get(run["event_id"])["created_at"]


def test_a_wrapped_batch_is_created(api: Api) -> None:
    runs = [a_run(), a_run()]
    api.batch(runs[0])

    answer = api.client.post(BATCH, json={"runs": runs})

    assert answer.status_code == 201
    told = answer.json()
    assert told["created"] == told["inserted"] == 1
    assert (told["duplicates"], told["errors"], told["total"]) == (1, [], 2)
    assert told.keys() == {"inserted", "duplicates", "errors", "total", "created", "status"}


@pytest.mark.parametrize("body", [{}, {"runs": 5}, {"runs": {}}, 5, "x", None])
def test_what_is_no_batch_is_refused(client: httpx.Client, body: Any) -> None:
    answer = client.post(BATCH, json=body)

    assert answer.status_code == 422
    assert detail(answer)[0]["loc"][0] == "body"


def test_a_batch_that_is_no_json_is_refused(client: httpx.Client) -> None:
    problem = detail(client.post(BATCH, content="[{]"))[0]

    assert (problem["type"], problem["loc"][0]) == ("json_invalid", "body")


def test_a_batch_beyond_the_limit_is_refused_whole(api: Api) -> None:
    before = api.total()

    answer = api.client.post(BATCH, json=[{}] * 100_000)

    assert answer.status_code == 413
    assert isinstance(detail(answer), str)
    assert api.total() == before


def test_the_end_of_a_run_that_came_by_post_arrives_with_a_batch(api: Api, mine: str) -> None:
    api.post(event_id=mine)

    told = api.batch(
        a_run(event_id=mine, status="failure", error_summary="boom", created_at=None)
    ).json()

    assert told["duplicates"] == 1
    assert api.get(mine)["status"] == "failure"
    assert api.get(mine)["error_summary"] == "boom"
