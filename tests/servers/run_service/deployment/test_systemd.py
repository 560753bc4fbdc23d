"""The units are what systemd understands, and keep the service in its bounds."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.servers.run_service.deployment.dockerfile import SERVICE
from tests.servers.run_service.deployment.service import TELEMETRY

if TYPE_CHECKING:
    from pathlib import Path

UNITS = sorted((SERVICE / "systemd").iterdir())
INSTALLED = "/opt/telemetry/bin/telemetry"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="apt-get install systemd"
)


class Unit(configparser.RawConfigParser):
    """A unit, of which a setting may be said several times; an empty one takes back the others."""

    def __init__(self, path: Path) -> None:
        super().__init__(delimiters=("=",), comment_prefixes=("#",), strict=False)
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read_string(path.read_text("utf-8"))


def unit(name: str) -> configparser.SectionProxy:
    return Unit(SERVICE / "systemd" / name)["Service"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return copies of the units for which the command stands where the tests have it."""
    for path in UNITS:
        text = path.read_text("utf-8").replace(INSTALLED, TELEMETRY)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    return tmp_path


def analyze(*arguments: object) -> str:
    done = subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_systemd
@pytest.mark.parametrize("name", [path.name for path in UNITS])
def test_systemd_finds_nothing_wrong_with_a_unit(installed: Path, name: str) -> None:
    assert analyze("verify", "--man=no", "--recursive-errors=no", installed / name) == ""


@needs_systemd
def test_the_service_is_exposed_to_little(installed: Path) -> None:
    shown = analyze(
        "security",
        "--offline=yes",
        "--threshold=20",
        "--no-pager",
        installed / "telemetry-run-service.service",
    )
    assert "OK" in shown.splitlines()[-1]


def test_the_service_is_started_again_and_has_time_to_end() -> None:
    service = unit("telemetry-run-service.service")
    assert service["ExecStart"] == f"{INSTALLED} serve"
    assert (service["Restart"], service["KillSignal"]) == ("always", "SIGTERM")
    assert int(service["TimeoutStopSec"]) > 30


@pytest.mark.parametrize("name", ["telemetry-run-service.service", "telemetry-nightly.service"])
def test_both_have_one_user_and_one_folder_and_write_nowhere_else(name: str) -> None:
    service = unit(name)
    shown = [service[key] for key in ("User", "DynamicUser", "StateDirectory", "ProtectSystem")]
    assert shown == ["telemetry", "yes", "telemetry", "strict"]
    assert service["ProtectHome"] == service["NoNewPrivileges"] == "yes"
