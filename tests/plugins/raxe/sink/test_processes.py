"""Programs of their own: one ends although RAXE never answers, and two share what waits."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.plugins.raxe.shipper.conftest import SCAN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.raxe.shipper.conftest import AnyAnswer

CALLS_A_HANG = 25  # seconds; the sink itself would wait 30 for an answer

TELLS = f"""
from telemetry_core import TelemetryClient, load_config
client = TelemetryClient(load_config("telemetry.toml"))
for number in range(10):
    client.capture("scan", properties={SCAN!r})
"""
FLUSHES = """
from telemetry_core import TelemetryClient, load_config
with TelemetryClient(load_config("telemetry.toml")) as client:
    client.flush(20)
"""


@pytest.fixture
def folder(server: AnyAnswer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAXE_API_KEY", server.keys["ok"])
    monkeypatch.setenv("RAXE_TELEMETRY_ENDPOINT", f"{server.url}/v1/telemetry")
    monkeypatch.setenv("TELEMETRY_TEST_MODE", "live")
    (tmp_path / "telemetry.toml").write_text("active = ['raxe']\nbase_dir = 'base'\n")
    return tmp_path


def begin(folder: Path, script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script], cwd=folder)


def test_a_program_ends_though_raxe_accepts_and_stays_silent_and_nothing_is_lost(
    folder: Path, server: AnyAnswer
) -> None:
    fault = server.hang()
    assert begin(folder, TELLS).wait(timeout=CALLS_A_HANG) == 0
    server.clear(fault)
    assert begin(folder, FLUSHES).wait(timeout=CALLS_A_HANG) == 0
    assert len(server.events) == len({event["event_id"] for event in server.events}) == 10


def test_two_programs_ship_what_waits_once(folder: Path, server: AnyAnswer) -> None:
    server.down()
    assert begin(folder, TELLS).wait(timeout=CALLS_A_HANG) == 0
    server.up()
    both = [begin(folder, FLUSHES) for _ in range(2)]
    assert [program.wait(timeout=CALLS_A_HANG) for program in both] == [0, 0]
    assert (len(server.events), server.duplicates) == (10, 0)
