"""The tables of the documentation are what was stored of a run, and nobody's typing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.figures import Figures
from benchmarks.sheets import SHEETS
from benchmarks.tables_in_docs import with_table

if TYPE_CHECKING:
    from benchmarks.sheets import Sheet

PAGE = "before\n<!-- generated: speed -->\n\nold\n\n<!-- end of generated -->\nafter\n"


@pytest.mark.parametrize("sheet", SHEETS, ids=[sheet.stored.stem for sheet in SHEETS])
def test_the_pages_show_what_was_stored(sheet: Sheet) -> None:
    again = "run `uv run --group bench python -m benchmarks --stored --write`"
    for page, name, render in sheet.pages:
        text = page.read_text(encoding="utf-8")
        assert with_table(text, name, render(Figures.read(sheet.stored))) == text, again


def test_a_table_takes_the_place_of_what_stands_between_its_markers() -> None:
    assert with_table(PAGE, "speed", "| new |") == PAGE.replace("old", "| new |")


@pytest.mark.parametrize("page", ["no markers\n", PAGE * 2], ids=["none", "two"])
def test_a_page_without_its_markers_exactly_once_is_an_error(page: str) -> None:
    with pytest.raises(ValueError, match="once"):
        with_table(page, "speed", "| new |")
