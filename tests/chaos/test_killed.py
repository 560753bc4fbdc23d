"""A program that is killed at any moment loses nothing that it was told was recorded."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.chaos.stage import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.stage import Stage

A_MOMENT = (1, 300)
BEYOND_A_ROLL = (30_000, 60_000)
TELLS_ON = """
from itertools import count
client = TelemetryClient()
say(client, run_id(client), count())
"""


def killed_at_a_random_moment(stage: Stage, span: tuple[int, int]) -> None:
    last = random.randint(*span)
    program = stage.start(TELLS_ON)
    until(lambda: program.poll() is not None or stage.returned(last), f"{last} was told")
    assert not stage.kill(program)
    assert program.returncode == -9
    stage.conclude()
    assert stage.rows("SELECT status, inferred FROM agent_runs") == [("cancelled", 1)]


@pytest.mark.chaos("SIGKILL at a random moment", "killed")
def test_a_program_killed_at_a_random_moment_loses_nothing(
    stages: Callable[..., Stage], whole: bool
) -> None:
    for attempt in range(100 if whole else 4):
        killed_at_a_random_moment(stages(), BEYOND_A_ROLL if attempt % 8 == 7 else A_MOMENT)
