"""The tables that compare us with other systems are what was stored of a run."""

from __future__ import annotations

import pytest

from benchmarks.tables_in_docs import with_table
from tests.chaos.peers.cells import SITUATIONS, SYSTEMS
from tests.chaos.peers.figures import PAGES, load, tables

AGAIN = "run `uv run pytest tests/chaos/test_peers.py --peers --write`"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_became_of_the_events_elsewhere(name: str) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    assert with_table(text, name, tables(load())[name]) == text, AGAIN


def test_every_system_was_measured_in_every_situation() -> None:
    found = {(cell["situation"], cell["system"]) for cell in load()["cells"]}
    assert found == {(one.name, system) for one in SITUATIONS for system in SYSTEMS}, AGAIN
