"""`GET /api/v1/runs`: filters, order and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.wire.telling import RECORD, RUNS, a_run, detail, own, problems

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.servers.run_service.wire.telling import Api

    Told = Callable[..., list[str]]

TIMES = ("created_before", "created_after", "start_time_from", "start_time_to")


@pytest.fixture
def agent() -> str:
    return own()


@pytest.fixture
def told(api: Api, agent: str) -> Told:
    """Tell of runs of one agent, each with these fields; return their ids."""

    def tell(*runs: dict[str, Any]) -> list[str]:
        rows = [a_run(agent_name=agent, **fields) for fields in runs]
        assert api.batch(*rows).json()["inserted"] == len(rows)
        return [row["event_id"] for row in rows]

    return tell


def test_a_record_has_its_fields_in_their_order(api: Api, agent: str, told: Told) -> None:
    told({})

    records = api.client.get(RUNS, params={"agent_name": agent}).json()

    assert [*records[0]][: len(RECORD)] == RECORD


def test_an_agent_is_found_by_its_exact_name(api: Api, agent: str, told: Told) -> None:
    ids = told({})

    assert api.found(agent_name=agent) == ids
    assert api.found(agent_name=agent.upper()) == []
    assert api.found(agent_name=agent[:-1]) == []


def test_a_job_type_is_found(api: Api, agent: str, told: Told) -> None:
    _, second = told({"job_type": "first"}, {"job_type": "second"})

    assert api.found(agent_name=agent, job_type="second") == [second]


@pytest.mark.parametrize(
    ("asked", "said"),
    [("failed", "failure"), ("completed", "success"), ("succeeded", "success"), ("timeout", None)],
)
def test_a_status_is_found_by_its_aliases(
    api: Api, agent: str, told: Told, asked: str, said: str | None
) -> None:
    found, _ = told({"status": said or asked}, {"status": "running"})

    assert api.found(agent_name=agent, status=asked) == [found]


def test_filters_are_combined(api: Api, agent: str, told: Told) -> None:
    told({"status": "success"}, {"job_type": "b"})
    wanted = told({"status": "success", "job_type": "b"})

    assert api.found(agent_name=agent, status="success", job_type="b") == wanted


def test_an_empty_filter_is_none(api: Api, agent: str, told: Told) -> None:
    ids = told({}, {})

    empty = dict.fromkeys(("status", "job_type", *TIMES), "")

    assert sorted(api.found(agent_name=agent, **empty)) == sorted(ids)


def test_a_parameter_that_nobody_knows_is_left_out(api: Api, agent: str, told: Told) -> None:
    assert api.found(agent_name=agent, colour="red") == told({}) or api.found(agent_name=agent)


def test_of_a_parameter_that_is_repeated_the_last_one_counts(
    api: Api, agent: str, told: Told
) -> None:
    ids = told({})

    assert api.found(agent_name=["nobody", agent]) == ids


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        ({"created_before": "2026-01-02T00:00:00Z"}, [1]),
        ({"created_after": "2026-01-02T00:00:00Z"}, [3]),
        ({"created_after": "2026-01-01T00:00:00Z", "created_before": "2026-01-03T00:00:00Z"}, [2]),
        ({"start_time_from": "2026-01-02T00:00:00Z"}, [3, 2]),
        ({"start_time_to": "2026-01-02T00:00:00Z"}, [2, 1]),
        ({"start_time_from": "2026-01-02", "start_time_to": "2026-01-02 00:00:00"}, [2]),
        ({"created_before": "2026-01-02T01:00:00+01:00"}, [1]),
        ({"start_time_from": "2026-01-03T05:00:00+05:00"}, [3]),
    ],
)
def test_a_window_of_time_is_found(
    api: Api, agent: str, told: Told, which: dict[str, str], wanted: list[int]
) -> None:
    days = [f"2026-01-0{day}T00:00:00+00:00" for day in (1, 2, 3)]
    ids = told(*({"created_at": day, "start_time": day} for day in days))

    assert api.found(agent_name=agent, **which) == [ids[day - 1] for day in wanted]


def test_the_newest_comes_first_by_instant_and_not_by_text(
    api: Api, agent: str, told: Told
) -> None:
    early, late, latest = told(
        {"created_at": "2026-01-01T05:00:00+05:00"},
        {"created_at": "2026-01-01T01:00:00Z"},
        {"created_at": "2025-12-31T22:00:00-05:00"},
    )

    assert api.found(agent_name=agent) == [latest, late, early]


def test_runs_of_one_instant_come_as_they_were_stored(api: Api, agent: str, told: Told) -> None:
    ids = told(*({"created_at": "2026-01-01T00:00:00Z"} for _ in range(5)))

    assert api.found(agent_name=agent) == ids


def test_pages_are_cut_by_limit_and_offset(api: Api, agent: str, told: Told) -> None:
    ids = told(*({"created_at": "2026-01-01T00:00:00Z"} for _ in range(5)))

    pages = [api.found(agent_name=agent, limit=2, offset=offset) for offset in (0, 2, 4, 6)]

    assert pages == [ids[:2], ids[2:4], ids[4:], []]


def test_a_page_has_a_hundred_runs_unless_one_asks(api: Api, agent: str, told: Told) -> None:
    told(*({} for _ in range(120)))

    assert len(api.found(agent_name=agent)) == 100
    assert len(api.found(agent_name=agent, limit=1000)) == 120


def test_the_link_to_the_next_page_leads_through_all(
    client: httpx.Client, agent: str, told: Told
) -> None:
    ids = told(*({"created_at": f"2026-01-01T00:00:0{n // 3}Z"} for n in range(10)))
    answer = client.get(RUNS, params={"agent_name": agent, "limit": 3})
    found = [run["event_id"] for run in answer.json()]

    while "next" in answer.links:
        answer = client.get(answer.links["next"]["url"])
        found += [run["event_id"] for run in answer.json()]

    assert sorted(found) == sorted(ids)
    assert len(answer.json()) == 1


def test_the_total_is_told_when_it_is_asked_for(
    client: httpx.Client, agent: str, told: Told
) -> None:
    told(*({} for _ in range(7)))
    which = {"agent_name": agent, "limit": "2"}

    assert client.get(RUNS, params=which | {"total": "true"}).headers["x-total-count"] == "7"
    assert "x-total-count" not in client.get(RUNS, params=which).headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", value) for value in ("0", "1001", "-1", "x", "1.5", "9" * 40)),
        *(("offset", value) for value in ("-1", "x")),
    ],
)
def test_a_page_that_cannot_be_is_refused(client: httpx.Client, name: str, value: str) -> None:
    assert problems(client.get(RUNS, params={name: value})) == [("query", name)]


def test_an_offset_beyond_every_run_is_an_empty_page(api: Api) -> None:
    answer = api.client.get(RUNS, params={"offset": "9" * 40})

    assert answer.status_code in {200, 422}
    assert answer.headers["content-type"] == "application/json"
    assert api.found(offset=2**31) == []


def test_a_status_that_nobody_knows_is_a_mistake(client: httpx.Client) -> None:
    answer = client.get(RUNS, params={"status": "done"})

    assert answer.status_code == 400
    assert "done" in detail(answer)


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "1", "\x00"])
def test_what_is_no_time_is_a_mistake(client: httpx.Client, name: str, value: str) -> None:
    answer = client.get(RUNS, params={name: value})

    assert answer.status_code == 400
    assert detail(answer).startswith(f"Invalid ISO8601 timestamp for {name}: ")


def test_a_raw_plus_in_a_time_is_answered(api: Api, agent: str, told: Told) -> None:
    told({})

    answer = api.client.get(f"{RUNS}?agent_name={agent}&created_before=2099-01-01T00:00:00+00:00")

    assert answer.status_code in {200, 400}
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("after", ["", "x", "eyJ", "%00", "9" * 1000])
def test_a_place_that_we_never_named_is_a_mistake_or_none(client: httpx.Client, after: str) -> None:
    answer = client.get(RUNS, params={"after": after})

    assert answer.status_code in ({200} if not after else {400, 422})
    assert answer.headers["content-type"] == "application/json"


def test_a_filter_may_hold_anything(client: httpx.Client) -> None:
    for name in ("' OR 1=1 --", "%", "_", "\x00", "ü" * 2000, "a\nb"):
        assert client.get(RUNS, params={"agent_name": name}).json() == []
