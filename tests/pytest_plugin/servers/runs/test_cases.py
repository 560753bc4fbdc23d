"""The fake run service answers every case as it must, as ours and as the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from pytest_telemetry import RunsServer

from tests.wire_cases import CASES, FOLDER, Case, Who, cases_of, strange_answer

if TYPE_CHECKING:
    from collections.abc import Iterator


def _served_as(case: Case, who: Who) -> RunsServer:
    server = RunsServer(reference=who == "reference")
    for name, value in case.service.items():
        setattr(server, name, set(value) if name == "tokens" else value)
    return server


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Return a client for all cases: making one takes longer than a case."""
    with httpx.Client(base_url="http://telemetry.test") as client:
        yield client


@pytest.mark.parametrize("case", cases_of("ours"), ids=str)
def test_it_answers_as_ours(case: Case, client: httpx.Client) -> None:
    with _served_as(case, "ours").mounted():
        assert strange_answer(case, client, "ours") == []


@pytest.mark.parametrize("case", cases_of("reference"), ids=str)
def test_it_answers_as_the_reference(case: Case, client: httpx.Client) -> None:
    with _served_as(case, "reference").mounted():
        assert strange_answer(case, client, "reference") == []


@pytest.mark.parametrize("who", ["ours", "reference"])
def test_on_a_port_cases_that_want_no_service_of_their_own_share_one(who: Who) -> None:
    server = RunsServer(reference=who == "reference")
    with server.serving() as url, httpx.Client(base_url=url, timeout=30) as client:
        for case in cases_of(who):
            if not case.alone:
                assert strange_answer(case, client, who) == []


def test_every_case_has_a_name_of_its_own() -> None:
    names = [str(case) for case in CASES]
    assert len(set(names)) == len(names)
    assert {case.file for case in CASES} == {path.stem for path in FOLDER.glob("*.json")}
