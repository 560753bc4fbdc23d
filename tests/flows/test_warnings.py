"""Our warnings are written where the program asked for them, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.flows.conftest import Home

WRONG = "TelemetryClient().end_run('no such run')"


def test_a_program_that_set_up_no_logging_sees_none(home: Home) -> None:
    assert home.run(WRONG) == ""


def test_a_program_that_set_up_logging_sees_each_once(home: Home) -> None:
    output = home.run(f"import logging; logging.basicConfig(); {WRONG}")
    assert output.count("no such run") == 1
