"""A working directory of its own for each test, and what types a command in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from telemetry_core.cli.app import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every command away from the settings and the records of whoever runs the tests."""
    for name in os.environ:
        if name.startswith(("TELEMETRY_", "AGENT_", "DO_NOT_TRACK", "NO_COLOR", "FORCE_COLOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path))


@pytest.fixture
def db() -> Callable[..., Result]:
    """Return what calls a `telemetry db` command in this process."""
    return lambda *args, **settings: CliRunner().invoke(telemetry, ["db", *args], **settings)
