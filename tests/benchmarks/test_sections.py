"""What the sections measure with: a remote within the program, runs, and what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.door import Door
from benchmarks.peers.driver import drive
from benchmarks.peers.footprint import weigh
from benchmarks.sections import end_to_end
from telemetry_core import Batch, Kind, Lane, Record, RunEvent

if TYPE_CHECKING:
    from pathlib import Path


def test_a_door_lets_in_what_it_was_opened_for_and_is_not_there_otherwise() -> None:
    door, batch = Door(), _batch("a", "b")
    assert not door.ship_batch(batch).delivered
    door.open_for(2)
    assert [len(door.ship_batch(batch).delivered) for _ in range(2)] == [2, 0]
    assert (door.ids, door.accepts) == ({"a", "b"}, 0)


def _batch(*ids: str) -> Batch:
    event = RunEvent("", "told", 0)
    return Batch(tuple(Record(name, Kind.EVENT, 1, 0, Lane.STANDARD, event) for name in ids))


@pytest.mark.parametrize("name", ["ours_runs", "sqlite3_runs"])
def test_runs_are_told_and_timed(tmp_path: Path, name: str) -> None:
    figures = drive(name, "runs", "", str(tmp_path), 3)
    assert {"p50_us", "mean_us", "per_second"} <= figures.keys()


def test_the_posthog_sink_delivers_each_event_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_TEST_MODE", "live")
    monkeypatch.setattr(end_to_end, "EVENTS", 250)
    figures = end_to_end.deliver("ours_posthog", None, str(tmp_path))
    assert (figures["delivered"], figures["lost"], figures["twice"]) == (250, 0, 0)


def test_an_environment_is_weighed_without_its_installer_and_what_python_compiled(
    tmp_path: Path,
) -> None:
    for name in ("pkg/code.py", "pkg/__pycache__/code.pyc", "pip/code.py", "alone.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 500_000)
    for name in ("pkg-1.0.dist-info", "pip-24.0.dist-info"):
        (tmp_path / name).mkdir()
    assert weigh(tmp_path) == {"installed_mb": 1.0, "distributions": 1}
