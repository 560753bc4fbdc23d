"""A fake PostHog, and an environment in which clients send to it and nobody has refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pytest_telemetry import PostHogServer
from telemetry_posthog import TelemetryClient

import telemetry_core

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "phc_hunter2"
SAID_ELSEWHERE = (
    "TELEMETRY_CONFIG",
    "TELEMETRY_DISABLED",
    "TELEMETRY_ACTIVE",
    "DO_NOT_TRACK",
    "POSTHOG_API_KEY",
    "POSTHOG_HOST",
    "POSTHOG_RELEASE_ID",
)


class Build(Protocol):
    def __call__(self, api_key: str = ..., host: str = ..., **more: Any) -> TelemetryClient: ...


@pytest.fixture(autouse=True)
def nobody_has_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in SAID_ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TELEMETRY_TEST_MODE", "live")
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path / "base"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    before = telemetry_core.set_client(None)
    yield
    own = telemetry_core.set_client(before)
    if own is not None:
        own.close()


@pytest.fixture
def server() -> Iterator[PostHogServer]:
    server = PostHogServer()
    with server.serving():
        yield server


@pytest.fixture
def build(server: PostHogServer) -> Iterator[Build]:
    """Return what builds a client for the server; each ends with the test."""
    built: list[TelemetryClient] = []

    def build(api_key: str = KEY, host: str = "", **more: Any) -> TelemetryClient:
        built.append(TelemetryClient(api_key, host or server.url, **more))
        return built[-1]

    yield build
    for client in built:
        client.shutdown()


@pytest.fixture
def client(build: Build) -> TelemetryClient:
    return build()
