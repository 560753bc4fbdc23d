"""What a section promises to measure, and the table that says whether it is met."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Measured = Mapping[str, Sequence[Mapping[str, float]]]


@define(frozen=True)
class Row:
    """One line of the table: which figure of which case, in what unit, and its budget.

    :ivar floor: the case and figure that physics asks for the same; the ratio stands beside it.
    :ivar at_least: more is better, and the budget a minimum.
    :ivar steady: whether a second run should find about the same; a worst of few is luck.
    """

    what: str
    case: str
    figure: str
    unit: str = ""
    budget: float | None = None
    at_least: bool = False
    floor: tuple[str, str] | None = None
    steady: bool = True


@define(frozen=True)
class Result:
    """A row with what was measured for it, a value a repeat."""

    row: Row
    values: Sequence[float]
    ratio: float | None

    @property
    def middle(self) -> float:
        """The median over the repeats."""
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median is within the budget; nothing where there is none."""
        budget = self.row.budget
        if budget is None:
            return None
        return self.middle >= budget if self.row.at_least else self.middle <= budget


def results(rows: Iterable[Row], measured: Measured) -> list[Result]:
    """Return the results of the rows whose cases were measured."""
    found = []
    for row in rows:
        values = values_of(measured, row.case, row.figure)
        if values:
            found.append(Result(row, values, _ratio(row, values, measured)))
    return found


def values_of(measured: Measured, case: str, figure: str) -> list[float]:
    """Return a figure of every repeat of a case."""
    return [figures[figure] for figures in measured.get(case, ()) if figure in figures]


def _ratio(row: Row, values: Sequence[float], measured: Measured) -> float | None:
    floor = values_of(measured, *row.floor) if row.floor else []
    if not floor:
        return None
    ratio = median(values) / median(floor)
    return 1 / ratio if row.at_least else ratio


def markdown(found: Iterable[Result]) -> str:
    """Return the table as Markdown."""
    lines = [
        "| what | median | min to max | floors | budget | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for result in found:
        row, unit = result.row, f" {result.row.unit}".rstrip()
        spread = f"{shown(min(result.values))} to {shown(max(result.values))}"
        ratio = "" if result.ratio is None else f"{result.ratio:.1f}"
        sign = "≥" if row.at_least else "≤"
        budget = "" if row.budget is None else f"{sign} {shown(row.budget)}{unit}"
        verdict = {True: "met", False: "**not met**", None: ""}[result.met]
        lines.append(
            f"| {row.what} | {shown(result.middle)}{unit} | {spread} | {ratio} | {budget} | {verdict} |"
        )
    return "\n".join(lines)


def shown(value: float) -> str:
    """Return a number as it is read, not as it is stored."""
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
