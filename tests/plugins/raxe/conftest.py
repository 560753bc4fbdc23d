"""A home of its own for each test, and a store of credentials on a clock that stands still."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import FakeClock
from telemetry_raxe import CredentialStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the credentials and the variables of whoever runs it."""
    for name in os.environ:
        if name.startswith("RAXE_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(home: Path) -> Path:
    return home / ".raxe" / "credentials.json"


@pytest.fixture
def store(clock: FakeClock) -> CredentialStore:
    return CredentialStore(clock=clock)
