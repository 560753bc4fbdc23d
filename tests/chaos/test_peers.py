"""The same twenty events told to other systems in the same situations, for an honest table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from attrs import asdict

from benchmarks.peers.environments import VARIABLE, environments
from tests.chaos.peers.cells import HEALTHY, OURS, PEERS, SITUATIONS, SYSTEMS, TOLD, measured
from tests.chaos.peers.figures import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.chaos.peers.cells import Situation


@pytest.fixture(scope="module")
def not_made() -> Iterator[Mapping[str, str]]:
    """Make an environment for each; give those that could not be made, and why."""
    with environments(PEERS, os.environ.get(VARIABLE)) as failed:
        yield failed


@pytest.mark.peers
@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_twenty_events_and_what_became_of_them(
    not_made: Mapping[str, str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    situation: Situation,
    name: str,
) -> None:
    assert name not in not_made, not_made[name]
    cell = measured(name, situation, tmp_path)
    said = {"situation": situation.name, "system": name, **asdict(cell)}
    request.node.user_properties.append((PROPERTY, said))
    if situation is HEALTHY:
        assert cell.delivered == TOLD
    if name == OURS:
        assert cell.later == TOLD
