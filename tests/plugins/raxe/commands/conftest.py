"""A place with a sink `raxe` that sends to the fake, and what types commands there."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from telemetry_raxe import CredentialStore

from telemetry_core import TelemetryClient, load_config
from telemetry_core.cli.app import telemetry
from tests.core.cli.terminal import settle_in
from tests.forked import ended, forked, kill_myself
from tests.plugins.raxe.shipper.conftest import SCAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result
    from pytest_telemetry import RaxeServer

    Typed = Callable[..., Result]

SETTINGS = 'active = ["raxe"]\n\n[delivery]\n'


@pytest.fixture
def raxe(telemetry_raxe_server: RaxeServer, monkeypatch: pytest.MonkeyPatch) -> RaxeServer:
    monkeypatch.setenv("RAXE_API_BASE", telemetry_raxe_server.url)
    return telemetry_raxe_server


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a place where the sink is active and its records are kept apart."""
    settle_in(home, monkeypatch)
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(home / "base"))
    monkeypatch.setenv("TELEMETRY_TEST_MODE", "live")
    Path("telemetry.toml").write_text(SETTINGS)
    return Path("telemetry.toml")


@pytest.fixture
def typed(settings: Path) -> Typed:
    """Return what runs what somebody types behind `telemetry`."""
    return lambda line, *more: CliRunner().invoke(telemetry, [*line.split(), *more])


@pytest.fixture
def told(typed: Typed) -> Callable[[str], Any]:
    return lambda line: json.loads(typed(line, "--json").stdout)


@pytest.fixture
def keep(raxe: RaxeServer) -> Callable[[str], str]:
    """Return what keeps the key of a situation in the file, and returns it."""

    def with_key(situation: str) -> str:
        CredentialStore().upgrade_key(raxe.keys[situation], "live")
        return raxe.keys[situation]

    return with_key


@pytest.fixture
def recorded(settings: Path) -> Callable[..., None]:
    """Return what leaves behind the scans of a program that was killed before any was delivered."""

    def record(*payloads: dict[str, Any]) -> None:
        def tell() -> None:
            config = load_config(settings)
            config.delivery.linger = 3_600
            client = TelemetryClient(config)
            for payload in payloads or (SCAN,):
                client.capture("scan", properties=payload)
            kill_myself()

        assert ended(forked(tell)) == -signal.SIGKILL

    return record
