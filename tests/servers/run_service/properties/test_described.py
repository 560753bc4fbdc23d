"""Whatever is asked, sound or not, the service answers as its own description says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, seed, settings

from tests.servers.run_service.asking import Asked, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case

STREAM = "GET /api/v1/stream"  # has no end, and so no answer to look at
TAKES_ANYTHING = (  # so that nothing can be wrong with a request
    "GET /health",
    "GET /api/v1/metadata",
    "GET /api/v1/runs/{event_id}",
    "GET /api/v1/runs/{event_id}/commit-url",
    "GET /api/v1/runs/{event_id}/repo-url",
)
IS_PARTICULAR = (
    "GET /metrics",
    "GET /api/v1/runs",
    "POST /api/v1/runs",
    "POST /api/v1/runs/batch",
    "POST /api/v1/records",
    "PATCH /api/v1/runs/{event_id}",
    "GET /api/v1/runs/{event_id}/events",
    "POST /api/v1/runs/{event_id}/associate-commit",
)
EXAMPLES = 8


class Described:
    """A service, and its description as schemathesis reads it."""

    def __init__(self, service: Asked) -> None:
        from schemathesis.openapi import from_dict

        description = service.get("/openapi.json").json()
        for methods in description["paths"].values():
            for operation in methods.values():
                operation.pop("security", None)  # this service asks for no token
        found: list[Any] = [*from_dict(description).get_all_operations()]
        self.operations = {each.ok().label: each.ok() for each in found}
        self._service = service

    def ask(self, case: Case[Any]) -> None:
        """Ask, and fail when the service fails, or answers otherwise than it is described."""
        from requests import Request
        from schemathesis.checks import not_a_server_error
        from schemathesis.specs.openapi import checks

        asked = Request(**case.as_transport_kwargs("http://service.test")).prepare()
        assert asked.method is not None
        assert asked.url is not None
        answered = self._service.ask(
            asked.method, asked.url, headers=dict(asked.headers), content=asked.body
        )
        case.validate_response(
            answered,
            checks=[
                not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_headers_conformance,
                checks.response_schema_conformance,
            ],
        )


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    with Asked(tmp_path_factory.mktemp("service") / "runs.sqlite") as service:
        service.post("/api/v1/runs", json=run("0"))  # the id that is tried first
        yield Described(service)


def test_every_route_is_asked(described: Described) -> None:
    assert described.operations.keys() == {*TAKES_ANYTHING, *IS_PARTICULAR, STREAM}


@pytest.mark.parametrize("label", [*TAKES_ANYTHING, *IS_PARTICULAR])
def test_what_is_asked_as_described_is_answered_as_described(
    described: Described, label: str
) -> None:
    asked(described, label, "positive")


@pytest.mark.parametrize("label", IS_PARTICULAR)
def test_what_is_asked_otherwise_is_answered_as_described(described: Described, label: str) -> None:
    asked(described, label, "negative")


def asked(described: Described, label: str, mode: str) -> None:
    """Ask a route in as many ways as we have time for, always the same."""
    from schemathesis import GenerationMode

    @seed(20260131)
    @settings(max_examples=EXAMPLES)
    @given(described.operations[label].as_strategy(GenerationMode(mode)))
    def is_answered(case: Case[Any]) -> None:
        described.ask(case)

    is_answered()
