"""The fake PostHog answers every case as it must, and keeps of it what it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pytest_telemetry import PostHogServer

from tests.posthog_cases import (
    UUID,
    Case,
    ExceptionCase,
    exception_cases,
    meets,
    request_cases,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = [*request_cases("v0"), *request_cases("v1")]
EXCEPTIONS = exception_cases()


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Return a client for all cases: making one takes longer than a case."""
    with httpx.Client(base_url="http://telemetry.test", timeout=30) as client:
        yield client


def _asked(case: Case, client: httpx.Client) -> httpx.Response:
    headers = dict(case.headers)
    return client.request(case.method, case.target, content=case.content, headers=headers)


def _check(answer: httpx.Response, wanted: Any) -> None:
    assert answer.status_code == wanted["status"], answer.text
    if "text" in wanted:
        assert meets(answer.text, wanted["text"]), answer.text
    if "json" in wanted:
        assert answer.json() == wanted["json"]
    if "json_has" in wanted:
        assert answer.json().items() >= wanted["json_has"].items()
        assert answer.json().keys() == {"error", "error_description", "error_uri"}


@pytest.mark.parametrize("case", REQUESTS, ids=str)
def test_a_request_is_answered_and_kept_as_it_must_be(case: Case, client: httpx.Client) -> None:
    server = PostHogServer()
    server.keys = set(case.keys)
    with server.mounted():
        _check(_asked(case, client), case.answer)
    assert [event["event"] for event in server.events] == case.kept
    assert server.duplicates == case.duplicates
    if case.ids is not None:
        assert [event["distinct_id"] for event in server.events] == case.ids
    if case.properties is not None:
        assert [event["properties"] for event in server.events] == case.properties


def test_on_a_port_the_answers_are_the_same() -> None:
    server = PostHogServer()
    with server.serving() as url, httpx.Client(base_url=url, timeout=30) as client:
        for case in REQUESTS:
            if not case.keys:
                _check(_asked(case, client), case.answer)


@pytest.mark.parametrize("case", EXCEPTIONS, ids=str)
def test_an_exception_is_kept_and_makes_an_issue_or_says_why_it_makes_none(
    case: ExceptionCase, client: httpx.Client
) -> None:
    server = PostHogServer()
    with server.mounted():
        client.post("/batch/", json={"api_key": "phc_k", "batch": [case.event]})
    (kept,) = server.exceptions
    if case.issue is None:
        errors = [case.error.replace("$uuid", UUID)]
        assert kept["properties"] == {**case.properties, "$cymbal_errors": errors}
        assert server.issues == []
    else:
        assert kept["properties"] == case.properties
        (issue,) = server.issues
        assert {name: getattr(issue, name) for name in case.issue} == case.issue


def test_every_case_has_a_name_of_its_own() -> None:
    for cases in (request_cases("v0"), request_cases("v1"), exception_cases()):
        names = [str(case) for case in cases]
        assert len(set(names)) == len(names)
