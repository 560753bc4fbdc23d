"""Our figures beside those that another system was found to have, which is not measured again."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from attrs import define

from benchmarks.comparison import FAILED
from benchmarks.table import shown, values_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from benchmarks.table import Measured


@define(frozen=True)
class Known:
    """One line: what, which figure of which case of ours, and what the other one needed.

    :ivar at_least: more is better.
    """

    what: str
    case: str
    figure: str
    theirs: float
    unit: str = "ms"
    at_least: bool = False


@define(frozen=True)
class BesideKnown:
    """A line a figure, ours and theirs.

    :ivar theirs: what the other system is called.
    :ivar words: what is said below the table.
    """

    title: str
    theirs: str
    lines: tuple[Known, ...]
    words: str = ""

    def markdown(
        self, measured: Measured, failed: Collection[str] = (), *, spreads: bool = True
    ) -> str:
        """Return the table; a line of which nothing was tried is left out."""
        table = [f"| | **ours** | {self.theirs} | |", "|---|---:|---:|---:|"]
        for line in self.lines:
            values = values_of(measured, line.case, line.figure)
            if not values and line.case not in failed:
                continue
            ours, times = FAILED, ""
            if values:
                ours = f"{shown(median(values))} {line.unit}"
                times = f"{_times(line, median(values)):.2g}x"
            least, most = shown(min(values, default=0)), shown(max(values, default=0))
            if spreads and least != most:
                ours += f" ({least} to {most})"
            table.append(f"| {line.what} | {ours} | {shown(line.theirs)} {line.unit} | {times} |")
        return "\n".join(table)

    def multiples(
        self,
        measured: Measured,  # noqa: ARG002 - as every table is asked
        *,
        settled: bool = False,  # noqa: ARG002
    ) -> Iterator[tuple[str, float]]:
        """Give nothing: a time beside one that was found elsewhere is no ratio of this machine."""
        yield from ()


def _times(line: Known, ours: float) -> float:
    """Return how many times as quick ours is."""
    return ours / line.theirs if line.at_least else line.theirs / ours
