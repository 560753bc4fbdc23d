"""A budget is met by the median, and a ratio is to the floor of the same run."""

from __future__ import annotations

import pytest

from benchmarks.table import Row, markdown, results, shown

FAST = {"floor.write": [{"p50_us": 2.0}], "hot_path.calls": [{"us": 4.0}, {"us": 9.0}, {"us": 5.0}]}


def test_a_row_shows_the_median_between_the_least_and_the_most() -> None:
    found = results([Row("a call", "hot_path.calls", "us", "µs")], FAST)
    assert "| a call | 5 µs | 4 to 9 |  |  |  |" in markdown(found)


@pytest.mark.parametrize(("budget", "met"), [(5, "met"), (4.9, "**not met**")])
def test_a_budget_is_met_when_the_median_is_within(budget: float, met: str) -> None:
    found = results([Row("a call", "hot_path.calls", "us", "µs", budget)], FAST)
    assert markdown(found).endswith(f"| ≤ {shown(budget)} µs | {met} |")


@pytest.mark.parametrize(("budget", "met"), [(5, True), (5.1, False)])
def test_a_budget_of_at_least_so_much_is_met_from_there_on(budget: float, met: bool) -> None:
    (found,) = results([Row("calls", "hot_path.calls", "us", "/s", budget, at_least=True)], FAST)
    assert found.met is met


def test_a_ratio_is_how_many_times_the_floor_a_row_takes() -> None:
    row = Row("a call", "hot_path.calls", "us", floor=("floor.write", "p50_us"))
    assert [found.ratio for found in results([row], FAST)] == [2.5]


@pytest.mark.parametrize(
    ("floor", "calls", "settled"),
    [((2.0, 2.4), (4.0, 5.0), True), ((2.0, 2.6), (4.0, 5.0), False), ((2.0, 2.4), (4.0,), False)],
)
def test_a_ratio_is_settled_when_the_rounds_of_both_its_figures_agree(
    floor: tuple[float, ...], calls: tuple[float, ...], settled: bool
) -> None:
    measured = {
        "floor.write": [{"p50_us": value} for value in floor],
        "hot_path.calls": [{"us": value} for value in calls],
    }
    row = Row("a call", "hot_path.calls", "us", floor=("floor.write", "p50_us"))
    assert [found.settled for found in results([row], measured)] == [settled]


def test_of_what_should_be_much_the_ratio_is_how_many_times_more_the_floor_does() -> None:
    row = Row("calls", "hot_path.calls", "us", at_least=True, floor=("floor.write", "p50_us"))
    assert [found.ratio for found in results([row], FAST)] == [0.4]


def test_a_row_whose_case_was_not_measured_is_left_out() -> None:
    assert results([Row("a call", "hot_path.unknown", "us")], FAST) == []


def test_a_budget_whose_case_failed_is_shown_as_not_measured() -> None:
    (found,) = results([Row("a call", "a.b", "us", "µs", 5)], FAST, {"a.b": "no"})
    assert str(found) == "| a call | failed | | | ≤ 5 µs | **not measured** |"
    assert (found.met, found.ratio) == (None, None)


@pytest.mark.parametrize(
    ("unit", "steady", "ratio"), [("x", True, 5), ("x", False, None), ("µs", True, None)]
)
def test_what_is_neither_of_a_floor_nor_a_multiple_or_is_luck_has_no_ratio(
    unit: str, steady: bool, ratio: float | None
) -> None:
    (found,) = results([Row("a call", "hot_path.calls", "us", unit, steady=steady)], FAST)
    assert found.ratio == ratio


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3.14159, "3.14"), (212.7, "213"), (61_234.5, "61 234"), (7.0, "7")],
)
def test_numbers_are_shown_as_they_are_read(value: float, text: str) -> None:
    assert shown(value) == text
