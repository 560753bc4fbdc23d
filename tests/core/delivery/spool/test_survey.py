"""A survey tells whose folders there are and what waits in them, from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core import TelemetryClient, TelemetryConfig
from telemetry_core.delivery.spool.survey import survey

if TYPE_CHECKING:
    from pathlib import Path


def _client(base_dir: Path) -> TelemetryClient:
    return TelemetryClient(TelemetryConfig(base_dir=base_dir, active=("sqlite",), service="shop"))


def test_a_spool_that_is_not_there_has_no_folders(tmp_path: Path) -> None:
    assert survey(tmp_path / "nowhere") == []


def test_a_living_owner_is_seen_to_be_alive(tmp_path: Path) -> None:
    with _client(tmp_path) as client:
        client.capture("something")
        (view,) = survey(tmp_path / "spool")
        assert (view.alive, view.service, view.problem) == (True, "shop", "")


def test_a_folder_without_an_owner_is_a_problem_and_stays(tmp_path: Path) -> None:
    (tmp_path / "spool" / "0badcafe").mkdir(parents=True)
    (view,) = survey(tmp_path / "spool")
    assert (view.alive, view.problem) == (False, "it does not say whose it is")
    assert (tmp_path / "spool" / "0badcafe").is_dir()
