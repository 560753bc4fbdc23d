"""A look at a database while another program writes into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite.care.inspection import glance, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from telemetry_core import Finding
    from tests.plugins.sqlite.care.conftest import Write


def quickly(path: str) -> Iterable[Finding]:
    return inspect(path, full=False, progress=lambda done, total: None)


def fully(path: str) -> Iterable[Finding]:
    return inspect(path, full=True, progress=lambda done, total: None)


@pytest.mark.parametrize("look", [glance, quickly, fully])
def test_beside_a_program_that_writes_nothing_is_found_wrong_and_it_goes_on(
    tmp_path: Path, write: Write, look: Callable[[str], Iterable[Finding]]
) -> None:
    database = str(tmp_path / "telemetry.sqlite")
    writer = write(database, "written")
    assert writer.said()
    for _ in range(3):
        assert {finding.level for finding in look(database)} == {"ok"}
        assert writer.said()
