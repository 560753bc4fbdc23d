"""Contenders are of one shape, and what is ours among them delivers each event once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers import contender
from benchmarks.peers.environments import environments, interpreter
from benchmarks.sections.end_to_end import EVENTS, account

ROOT = Path(__file__).parents[2]
NAMES = (
    *(*contender.OURS, *contender.OTHERS),
    *("mlflow", "ours_hundred", "ours_posthog", "ours_runs", "sqlite3_runs"),  # of one section each
)


@pytest.mark.parametrize("name", NAMES)
def test_a_contender_is_pinned_and_has_a_name(name: str) -> None:
    module = contender.module(name)
    assert module.NAME
    assert all("==" in requirement for requirement in module.REQUIREMENTS)


def test_contenders_and_their_driver_are_read_without_a_package_of_anybody() -> None:
    names = ", ".join(f"benchmarks.peers.{name}" for name in (*NAMES, "driver"))
    subprocess.run([sys.executable, "-S", "-c", f"import {names}"], cwd=ROOT, check=True)


def test_lost_and_doubled_events_are_counted_exactly() -> None:
    arrived = dict.fromkeys(range(EVENTS), 1)
    del arrived[3], arrived[4]
    arrived[5] = 3
    assert account(arrived) == {"delivered": EVENTS - 2, "lost": 2, "twice": 2}


def test_a_contender_without_requirements_runs_in_our_own_interpreter() -> None:
    assert interpreter("by_hand") == sys.executable


@pytest.fixture
def no_installers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_ENVIRONMENTS", "")
    monkeypatch.setattr("benchmarks.peers.environments.shutil.which", lambda _name: "/nowhere/uv")


@pytest.mark.usefixtures("no_installers")
def test_a_contender_that_cannot_be_installed_is_told_and_stops_nothing(tmp_path: Path) -> None:
    with environments(["posthog", "by_hand"], str(tmp_path)) as absent:
        assert list(absent) == ["posthog"]
        assert "/nowhere/uv" in absent["posthog"]
