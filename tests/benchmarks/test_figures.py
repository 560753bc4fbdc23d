"""Figures are stored, read again, and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.figures import Figures, moves
from benchmarks.sheets import RUN_SERVICE

if TYPE_CHECKING:
    from pathlib import Path

HERE = "a machine, load before 0.1"


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    figures = Figures(HERE, {"floor.write": [{"p50_us": 1.25}]}, {"a.b": "no"}, {"x": "gone"})
    path = tmp_path / "figures.json"
    path.write_text(figures.text(), encoding="utf-8")
    assert Figures.read(path) == figures


def test_a_figure_is_stored_with_four_digits_and_a_count_whole(tmp_path: Path) -> None:
    figures = Figures(HERE, {"a.b": [{"us": 1.23456789, "lost": 123456}]})
    path = tmp_path / "figures.json"
    path.write_text(figures.text(), encoding="utf-8")
    assert Figures.read(path).measured == {"a.b": [{"us": 1.235, "lost": 123456}]}


def test_a_ratio_that_differs_by_more_than_a_quarter_has_moved() -> None:
    before = {"same": 4.0, "near": 4.0, "more": 4.0, "less": 4.0, "gone": 4.0}
    after = {"same": 4.0, "near": 4.9, "more": 5.1, "less": 3.1, "new": 1.0}
    assert {move.what for move in moves(before, after)} == {"more", "less"}


def test_a_run_of_some_sections_leaves_the_figures_of_the_others() -> None:
    older = Figures(HERE, {"a.one": [{"n": 1}], "b.two": [{"n": 1}]}, {"c.three": "failed"})
    newer = Figures("a machine, load before 2.5", {"a.one": [{"n": 2}], "c.three": [{"n": 2}]})
    together = newer.over(older)
    assert together.measured == {"a.one": [{"n": 2}], "b.two": [{"n": 1}], "c.three": [{"n": 2}]}
    assert together.failed == {}


def test_a_sheet_takes_of_a_run_what_is_of_its_sections() -> None:
    measured = {
        "floor.write": [{"n": 1.0}],
        "hot_path.one": [{"n": 1.0}],
        "run_service.one": [{"n": 1.0}],
    }
    service = Figures(HERE, measured, {"hot_path.two": "failed"}).only(RUN_SERVICE.is_of)
    assert service.measured.keys() == {"floor.write", "run_service.one"}
    assert service.failed == {}


def test_figures_of_another_machine_are_not_mixed_with_these() -> None:
    with pytest.raises(ValueError, match="another machine"):
        Figures("one, load before 0").over(Figures("two, load before 0"))
