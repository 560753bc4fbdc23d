"""What a section promises to measure, and the table that says whether it is met."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from attrs import define

from benchmarks.figures import MOVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    Measured = Mapping[str, Sequence[Mapping[str, float]]]


TIMES = "x"


@define(frozen=True)
class Row:
    """One line of the table: which figure of which case, in what unit, and its budget.

    :ivar unit: `x` for what is a ratio by itself.
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
    """A row with what was measured for it, a value a repeat; none when its case failed."""

    row: Row
    values: Sequence[float]
    floor: Sequence[float] = ()

    @property
    def times_the_floor(self) -> float | None:
        """How many times what physics asks it takes, or how many times more physics would do."""
        if not self.floor:
            return None
        ratio = self.middle / median(self.floor)
        return 1 / ratio if self.row.at_least else ratio

    @property
    def settled(self) -> bool:
        """Whether its rounds agree well enough that another run can be compared with them."""
        return agree(self.values) and (self.row.unit == TIMES or agree(self.floor))

    @property
    def ratio(self) -> float | None:
        """What another run of this machine should find about the same, unless it is luck."""
        if not self.row.steady or not self.values:
            return None
        return self.middle if self.row.unit == TIMES else self.times_the_floor

    @property
    def middle(self) -> float:
        """The median over the repeats."""
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median is within the budget; nothing where there is none."""
        budget = self.row.budget
        if budget is None or not self.values:
            return None
        return self.middle >= budget if self.row.at_least else self.middle <= budget

    def __str__(self) -> str:
        """Return its line of the table."""
        unit = f" {self.row.unit}".rstrip()
        budget = ""
        if self.row.budget is not None:
            budget = f"{'≥' if self.row.at_least else '≤'} {shown(self.row.budget)}{unit}"
        if not self.values:
            return f"| {self.row.what} | failed | | | {budget} | **not measured** |"
        spread = ""
        if len(self.values) > 1:
            spread = f"{shown(min(self.values))} to {shown(max(self.values))}"
        times = "" if self.times_the_floor is None else f"{shown(self.times_the_floor)} x"
        verdict = {True: "met", False: "**not met**", None: ""}[self.met]
        return f"| {self.row.what} | {shown(self.middle)}{unit} | {spread} | {times} | {budget} | {verdict} |"


def results(rows: Iterable[Row], measured: Measured, failed: Collection[str] = ()) -> list[Result]:
    """Return the results of the rows whose cases were measured, or failed in it."""
    found = []
    for row in rows:
        values = values_of(measured, row.case, row.figure)
        if values:
            floor = values_of(measured, *row.floor) if row.floor else ()
            found.append(Result(row, values, floor))
        elif row.case in failed:
            found.append(Result(row, ()))
    return found


def values_of(measured: Measured, case: str, figure: str) -> list[float]:
    """Return a figure of every repeat of a case."""
    return [figures[figure] for figures in measured.get(case, ()) if figure in figures]


def agree(values: Sequence[float]) -> bool:
    """Tell whether there are several rounds, none a quarter away from another."""
    return len(values) > 1 and max(values) <= MOVED * min(values)


def markdown(found: Iterable[Result]) -> str:
    """Return the table as Markdown."""
    lines = [
        "| what | median | min to max | of the floor | budget | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*lines, *map(str, found)])


def shown(value: float) -> str:
    """Return a number as it is read, not as it is stored."""
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
