"""A path leads to one route, and a request is checked in the documented order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.servers.run_service.asking import RUNS, Asked, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = {"Authorization": "Bearer right"}


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Asked]:
    with Asked(
        tmp_path / "runs.sqlite",
        auth_enabled=True,
        auth_tokens=("right",),
        rate_limit_enabled=True,
        rate_limit_rpm=2,
    ) as asked:
        yield asked


@pytest.mark.parametrize(
    "path", ["/", "/version", "/api/v1/metadata/x", "/docs", "/api/v1/runs/a/b"]
)
def test_an_unknown_path_is_404(service: Asked, path: str) -> None:
    answer = service.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"{RUNS}/x", "GET"),
        ("DELETE", RUNS, "POST"),
        ("HEAD", RUNS, "POST"),
        ("HEAD", "/health", "GET"),
        ("PUT", f"{RUNS}/batch", "POST"),
        ("GET", f"{RUNS}/x/associate-commit", "POST"),
        ("OPTIONS", "/metrics", "GET"),
    ],
)
def test_an_unknown_method_is_405_with_the_first_that_is_known(
    service: Asked, method: str, path: str, allowed: str
) -> None:
    answer = service.ask(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert method == "HEAD" or answer.json() == {"detail": "Method Not Allowed"}


def test_a_slash_at_the_end_leads_to_the_path_without(service: Asked) -> None:
    answer = service.get(f"{RUNS}/a%2Fb/?x=1")
    assert answer.status_code == 307
    assert answer.headers["Location"] == f"http://service.test{RUNS}/a%2Fb?x=1"
    assert service.post(f"{RUNS}/", json=run()).status_code == 307
    assert service.get("/nowhere/").status_code == 404


def test_malformed_json_goes_before_the_token_and_that_before_all_else(strict: Asked) -> None:
    assert strict.post(RUNS, content=b"{").status_code == 422
    assert strict.post(RUNS, json={}).status_code == 401
    assert strict.post(RUNS, json={}, headers=TOKEN).status_code == 422
    assert strict.patch(f"{RUNS}/x", json={"status": "odd"}, headers=TOKEN).status_code == 422
    assert strict.patch(f"{RUNS}/x", json={"status": "odd"}, headers=TOKEN).status_code == 429
    assert strict.post(RUNS, content=b"{", headers=TOKEN).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", RUNS),
        ("POST", f"{RUNS}/batch"),
        ("PATCH", f"{RUNS}/x"),
        ("POST", f"{RUNS}/x/associate-commit"),
        ("GET", f"{RUNS}/x/commit-url"),
        ("GET", f"{RUNS}/x/repo-url"),
        ("POST", "/api/v1/records"),
    ],
)
def test_who_writes_needs_a_token(strict: Asked, method: str, path: str) -> None:
    answer = strict.ask(method, path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_reading_needs_none_and_health_and_metrics_are_not_counted(strict: Asked) -> None:
    assert [strict.get("/health").status_code for _ in range(4)] == [200] * 4
    assert [strict.get("/metrics").status_code for _ in range(4)] == [200] * 4
    assert [strict.get(RUNS).status_code for _ in range(3)] == [200, 200, 429]


def test_only_who_has_a_token_is_told_the_path(strict: Asked) -> None:
    assert strict.get("/health").json()["db_path"] is None
    assert strict.get("/health", headers=TOKEN).json()["db_path"] == str(strict.database)
    assert strict.get("/metrics").json()["performance"]["db_path"] is None


def test_every_answer_names_the_service(service: Asked) -> None:
    for path in (RUNS, "/nowhere", f"{RUNS}/none", "/openapi.json"):
        answer = service.get(path)
        assert answer.headers["X-Telemetry-Service"].startswith("telemetry-run-service/")
        assert "access-control-allow-origin" not in answer.headers


def test_what_breaks_is_a_500_in_json_with_the_id_of_the_request(
    service: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(service.app.state.service.reader, "ask", broken)
    answer = service.get(RUNS, headers={"X-Request-ID": "mine"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (500, "mine")
    assert answer.json() == {"detail": "Internal Server Error"}


def test_the_description_names_every_route_and_loads_nothing(service: Asked) -> None:
    described = service.get("/openapi.json").json()
    assert [*described["paths"]] == [
        "/health",
        "/metrics",
        "/api/v1/metadata",
        RUNS,
        f"{RUNS}/batch",
        f"{RUNS}/{{event_id}}",
        f"{RUNS}/{{event_id}}/events",
        f"{RUNS}/{{event_id}}/associate-commit",
        f"{RUNS}/{{event_id}}/commit-url",
        f"{RUNS}/{{event_id}}/repo-url",
        "/api/v1/records",
        "/api/v1/stream",
    ]
    wanted = {
        "TelemetryRun",
        "RunUpdate",
        "CommitAssociation",
        "BatchResponse",
        "HTTPValidationError",
        "ValidationError",
    }
    assert wanted <= described["components"]["schemas"].keys()
    assert described["paths"][RUNS]["post"]["security"]


def test_every_parameter_is_described(service: Asked) -> None:
    paths = service.get("/openapi.json").json()["paths"]
    asked = {parameter["name"] for parameter in paths[RUNS]["get"]["parameters"]}
    assert {"agent_name", "status", "limit", "offset", "after", "total", "id_prefix"} <= asked
    assert paths[f"{RUNS}/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]


def test_a_client_that_leaves_in_the_middle_of_its_body_is_let_go(service: Asked) -> None:
    async def leave() -> list[Any]:
        sent: list[Any] = []
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive() -> Any:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        request = httpx.Request("POST", f"http://service.test{RUNS}")
        scope = {
            "type": "http",
            "method": "POST",
            "path": RUNS,
            "raw_path": RUNS.encode(),
            "query_string": b"",
            "scheme": "http",
            "headers": [*request.headers.raw, (b"content-length", b"10")],
        }
        await service.app(scope, receive, send)
        return sent

    assert service.wait(leave()) == []
    assert service.get(RUNS).json() == []
