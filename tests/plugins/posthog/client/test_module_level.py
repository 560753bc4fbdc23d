"""The module that a program imports: `client`, `capture`, `capture_exception`, `flush`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import telemetry_posthog
from telemetry_posthog import TelemetryClient, capture, module_level

import telemetry_core

if TYPE_CHECKING:
    from pytest_telemetry import PostHogServer

    from tests.plugins.posthog.client.conftest import Build


@pytest.fixture
def client(build: Build, monkeypatch: pytest.MonkeyPatch) -> TelemetryClient:
    """Return what is `telemetry_posthog.client` meanwhile."""
    client = build()
    monkeypatch.setattr(module_level, "client", client)
    return client


def told(client: TelemetryClient, server: PostHogServer) -> list[str]:
    assert client.flush(20)
    return sorted(event["event"] for event in server.events)


class Exit(RuntimeError):  # noqa: N818 - theirs is named so
    """How typer and click end a command."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.exit_code = code


def test_a_block_begins_and_ends(client: TelemetryClient, server: PostHogServer) -> None:
    properties = {"board": "a"}
    with capture("begun", "ended", properties):
        properties["parts"] = "7"
    assert told(client, server) == ["begun", "ended"]
    server.assert_no_event("begun", parts="7")
    server.assert_event("ended", board="a", parts="7")


def test_each_call_of_a_function_is_a_block(client: TelemetryClient, server: PostHogServer) -> None:
    @capture("begun", "ended")
    def work(again: int) -> int:
        """Work."""
        return work(again - 1) if again else 7

    assert (work(1), work.__name__, work.__doc__) == (7, "work", "Work.")
    assert told(client, server) == ["begun", "begun", "ended", "ended"]


def test_a_coroutine_is_a_block_until_it_is_done(
    client: TelemetryClient, server: PostHogServer
) -> None:
    @capture("begun", "ended")
    async def work() -> None:
        await asyncio.sleep(0)
        raise KeyError("late")

    with pytest.raises(KeyError):
        asyncio.run(work())
    assert told(client, server) == ["$exception", "begun"]


def test_an_exception_is_told_in_the_place_of_the_end_and_passes(
    client: TelemetryClient, server: PostHogServer
) -> None:
    with pytest.raises(ValueError, match="broken"), capture("begun", "ended", {"board": "a"}):
        raise ValueError("broken")
    assert told(client, server) == ["$exception", "begun"]
    server.assert_event("$exception", board="a", **{"$exception_message": "broken"})


def test_what_two_layers_see_is_told_once(client: TelemetryClient, server: PostHogServer) -> None:
    try:
        with capture("begun", "ended"):
            raise ValueError("broken")
    except ValueError as error:
        telemetry_posthog.capture_exception(error)
    assert told(client, server) == ["$exception", "begun"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_program_is_neither_an_end_nor_an_exception(
    end: type[BaseException], client: TelemetryClient, server: PostHogServer
) -> None:
    with pytest.raises(end), capture("begun", "ended"):
        raise end
    assert told(client, server) == ["begun"]


@pytest.mark.parametrize("code", [0, 3])
def test_an_exit_with_a_code_is_an_end(
    code: int, client: TelemetryClient, server: PostHogServer
) -> None:
    with pytest.raises(Exit), capture("begun", "ended"):
        raise Exit(code)
    assert told(client, server) == ["begun", "ended"]
    server.assert_event("ended", exit_code=code)


def test_the_body_runs_where_nothing_can_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEMETRY_CONFIG", "nowhere.toml")
    broken = telemetry_posthog._get_telemetry_client()
    broken.disabled = False
    monkeypatch.setattr(module_level, "client", broken)
    ran = []
    with capture("begun", "ended"):
        ran.append("body")
    assert ran == ["body"]


def test_what_did_not_begin_does_not_end(
    client: TelemetryClient, server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("not now")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(client, "capture", broken)
        block = capture("begun", "ended")
        block.__enter__()
    block.__exit__(None, None, None)
    client.disabled = True
    with capture("begun", "ended"):
        client.disabled = False
    assert told(client, server) == []


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = {"attrs", "msgspec", "httpx", "pluggy", "inspect", "telemetry_core.client"}
    code = (
        f"import sys; from telemetry_posthog import client; print(*({heavy!r} & {{*sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-Ic", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# -- which client it is


def configure(text: str) -> None:
    Path("telemetry.toml").write_text(f'base_dir = "base"\n{text}', "utf-8")


def on() -> TelemetryClient:
    client = telemetry_posthog._get_telemetry_client()
    client.disabled = False
    return client


@pytest.mark.parametrize("name", ["CI", "PYTEST_VERSION"])
def test_it_is_quiet_in_ci_and_under_pytest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in module_level._QUIET_IN:
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv("POSTHOG_API_KEY", "phc_a")
    assert not telemetry_posthog._get_telemetry_client().disabled
    monkeypatch.setenv(name, "1")
    assert telemetry_posthog._get_telemetry_client().disabled
    assert telemetry_posthog.client.disabled  # it was imported under pytest


@pytest.mark.parametrize(
    "settings",
    ["", 'active = ["posthog"]\n[plugins.posthog]\napi_key = { env = "POSTHOG_API_KEY" }'],
)
def test_without_a_key_it_is_disabled_and_says_where_one_goes(
    settings: str, caplog: pytest.LogCaptureFixture
) -> None:
    configure(settings)
    client = on()
    assert client.disabled
    assert client.capture("signed_up") is None
    (warning,) = caplog.records
    assert "set api_key in [plugins.posthog] or POSTHOG_API_KEY" in warning.getMessage()


def test_it_is_the_default_client_where_posthog_is_active(server: PostHogServer) -> None:
    configure(f'active = ["posthog"]\n[plugins.posthog]\napi_key = "phc_a"\nhost = "{server.url}"')
    client = on()
    client.capture("through ours")
    telemetry_core.capture("through the core")
    assert client.flush(20)
    assert {event["event"] for event in server.events} == {"through ours", "through the core"}
    client.shutdown()
    assert not telemetry_core.get_client().disabled


def test_it_is_one_of_its_own_beside_a_default_client_without_posthog(
    server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure('active = ["ndjson"]')
    monkeypatch.setenv("POSTHOG_API_KEY", "phc_a")
    monkeypatch.setenv("POSTHOG_HOST", server.url)
    client = on()
    client.capture("through ours")
    telemetry_core.capture("through the core")
    assert client.flush(20)
    client.shutdown()
    assert [event["event"] for event in server.events] == ["through ours"]


def test_another_default_client_is_another_way(server: PostHogServer) -> None:
    client = on()
    assert client.disabled
    configure(f'active = ["posthog"]\n[plugins.posthog]\napi_key = "phc_a"\nhost = "{server.url}"')
    telemetry_core.set_client(None)
    assert not client.disabled
    client.capture("signed_up")
    assert client.flush(20)
    server.assert_event("signed_up")


@pytest.mark.parametrize("name", ["DO_NOT_TRACK", "TELEMETRY_DISABLED"])
def test_a_refusal_wins_over_its_configuration(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_API_KEY", "phc_a")
    monkeypatch.setenv(name, "1")
    assert on().disabled


def test_the_last_flush_happens_once(client: TelemetryClient, server: PostHogServer) -> None:
    client.capture("last")
    telemetry_posthog._flush_telemetry_on_exit()
    telemetry_posthog._flush_telemetry_on_exit()
    assert [event["event"] for event in server.events] == ["last"]
    assert client.disabled
