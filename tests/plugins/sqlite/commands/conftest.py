"""A working directory of its own for each test, and what types a command in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from telemetry_core.cli.app import telemetry
from tests.core.cli.terminal import settle_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every command away from the settings and the records of whoever runs the tests."""
    settle_in(tmp_path, monkeypatch)
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path))


@pytest.fixture
def db() -> Callable[..., Result]:
    """Return what calls a `telemetry db` command in this process."""
    return lambda *args, **settings: CliRunner().invoke(telemetry, ["db", *args], **settings)
