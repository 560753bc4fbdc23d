"""Who may ask, how often, and in which order all that is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.servers.run_service.wire.serving import PATIENCE, in_a_thread
from tests.servers.run_service.wire.telling import RUNS, a_run, detail, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.run_service.wire.serving import Service

TOKEN = "a-token-of-some-length"
MISSING = "Authorization header required. Use: Authorization: Bearer <token>"
MISSHAPEN = "Invalid authorization format. Use: Authorization: Bearer <token>"
WRONG = "Invalid authentication token"
RUN = f"{RUNS}/x"
CLOSED = [
    *(("POST", path) for path in (RUNS, f"{RUNS}/batch", f"{RUN}/associate-commit")),
    *(("POST", "/api/v1/records"), ("PATCH", RUN)),
    *(("GET", path) for path in (f"{RUN}/commit-url", f"{RUN}/repo-url")),
]
OPEN = [("GET", path) for path in ("/health", "/metrics", "/api/v1/metadata", RUNS, RUN)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Return a client without a token, of a service that wants one."""
    folder = tmp_path_factory.mktemp("guarded")
    tokens = (TOKEN, "another-token")
    with (
        in_a_thread(folder, auth_enabled=True, auth_tokens=tokens) as service,
        service.client() as client,
    ):
        yield client


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("strict")
    with in_a_thread(folder, rate_limit_enabled=True, rate_limit_rpm=3) as service:
        yield service


@pytest.fixture(scope="module")
def addresses() -> Iterator[str]:
    """Return addresses of this machine, of which none has asked for anything."""
    return (f"127.0.0.{number}" for number in range(2, 255))


@pytest.fixture
def limited(strict: Service, addresses: Iterator[str]) -> Iterator[httpx.Client]:
    """Return a client that may ask three times a minute."""
    transport = httpx.HTTPTransport(local_address=next(addresses))
    with httpx.Client(base_url=strict.url, transport=transport, timeout=PATIENCE) as client:
        yield client


def bearing(value: str) -> dict[str, str]:
    return {"authorization": value}


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_token_is_wanted(guarded: httpx.Client, method: str, path: str) -> None:
    answer = guarded.request(method, path, json={} if method != "GET" else None)

    assert (answer.status_code, detail(answer)) == (401, MISSING)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_no_token_is_wanted(guarded: httpx.Client, method: str, path: str) -> None:
    assert guarded.request(method, path).status_code in {200, 404}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", MISSING),
        ("Bearer", MISSHAPEN),
        (TOKEN, MISSHAPEN),
        (f"Basic {TOKEN}", MISSHAPEN),
        (f"Bearer {TOKEN} x", MISSHAPEN),
        ("Bearer wrong", WRONG),
        (f"Bearer {TOKEN[:-1]}", WRONG),
        (f"Bearer {TOKEN.upper()}", WRONG),
    ],
)
def test_a_token_that_is_none_is_refused_with_the_reason(
    guarded: httpx.Client, said: str, told: str
) -> None:
    answer = guarded.post(RUNS, json=a_run(), headers=bearing(said))

    assert (answer.status_code, detail(answer)) == (401, told)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_that_is_no_ascii_is_refused(guarded: httpx.Client) -> None:
    headers = {b"authorization": "Bearer tökén".encode()}

    assert guarded.post(RUNS, json=a_run(), headers=headers).status_code == 401


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("token", [TOKEN, "another-token"])
def test_each_token_lets_one_in(guarded: httpx.Client, word: str, token: str) -> None:
    answer = guarded.post(RUNS, json=a_run(), headers=bearing(f"{word} {token}"))

    assert answer.status_code == 201


def test_the_syntax_is_looked_at_before_the_token(guarded: httpx.Client) -> None:
    answer = guarded.post(RUNS, content="{", headers={"content-type": "application/json"})

    assert problems(answer)[0][0] == "body"


def test_the_token_is_looked_at_before_the_content(guarded: httpx.Client) -> None:
    assert guarded.post(RUNS, json={"event_id": 5}).status_code == 401
    assert guarded.patch(RUN, json={"status": "garbage"}).status_code == 401


def test_the_token_is_looked_at_before_the_run(guarded: httpx.Client) -> None:
    assert guarded.get(f"{RUN}/repo-url").status_code == 401
    assert guarded.get(f"{RUN}/repo-url", headers=bearing(f"Bearer {TOKEN}")).status_code == 404


def test_nobody_without_a_token_is_told_where_the_database_is(guarded: httpx.Client) -> None:
    for path in ("/health", "/metrics"):
        stranger, friend = (
            guarded.get(path, headers=headers) for headers in ({}, bearing(f"Bearer {TOKEN}"))
        )
        assert "sqlite" not in stranger.text
        assert "telemetry.sqlite" in friend.text


def test_reading_wants_a_token_too_where_that_is_set(tmp_path_factory: Any) -> None:
    settings = {"auth_enabled": True, "auth_tokens": (TOKEN,), "auth_reads": True}
    folder = tmp_path_factory.mktemp("closed")
    with in_a_thread(folder, **settings) as service, service.client() as client:
        told = [client.get(path).status_code for _, path in OPEN]
        with service.client(TOKEN) as friend:
            assert friend.get(RUNS).status_code == 200

    assert told == [200, 401, 401, 401, 401]


def test_who_asks_too_often_is_refused(limited: httpx.Client) -> None:
    answers = [limited.get(RUNS) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert detail(answers[3]) == "Rate limit exceeded. Max 3 requests per minute."
    headers = answers[3].headers
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("3", "0")
    assert 0 < int(headers["retry-after"]) <= 60
    assert "x-ratelimit-limit" not in answers[0].headers


@pytest.mark.parametrize(("method", "path"), [*CLOSED, *OPEN[2:]])
def test_every_route_but_two_counts(limited: httpx.Client, method: str, path: str) -> None:
    for _ in range(3):
        limited.get(RUNS)

    body: dict[str, Any] | None = {} if method != "GET" else None

    assert limited.request(method, path, json=body).status_code == 429


@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_health_and_metrics_do_not_count(limited: httpx.Client, path: str) -> None:
    assert [limited.get(path).status_code for _ in range(9)] == [200] * 9


def test_the_limit_is_looked_at_before_the_content(limited: httpx.Client) -> None:
    told = [limited.post(RUNS, json={"event_id": 5}).status_code for _ in range(4)]

    assert told == [422, 422, 422, 429]


def test_the_syntax_is_looked_at_before_the_limit(limited: httpx.Client) -> None:
    for _ in range(4):
        limited.get(RUNS)

    answer = limited.post(RUNS, content="{", headers={"content-type": "application/json"})

    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip"])
def test_nobody_chooses_who_he_is(limited: httpx.Client, name: str) -> None:
    told = [
        limited.get(RUNS, headers={name: f"10.0.0.{number}"}).status_code for number in range(4)
    ]

    assert told[3] == 429
