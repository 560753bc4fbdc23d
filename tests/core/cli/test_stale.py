"""The options of commands that end runs which were left running."""

from __future__ import annotations

from telemetry_core.cli.stale import ENDS
from telemetry_core.models import CANONICAL_STATUSES, RUNNING


def test_a_run_can_be_given_every_end_that_there_is() -> None:
    assert {*ENDS, RUNNING} == CANONICAL_STATUSES
