"""A table of systems side by side: a line each, a column a figure, and multiples of ours."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from attrs import define

from benchmarks.table import agree, shown, values_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from benchmarks.table import Measured

NOTHING, FAILED = "", "failed"


@define(frozen=True)
class Column:
    """One figure of every line.

    :ivar section: of which section's case; the case is called as the line says.
    :ivar multiple: whether the others' figures are also shown as multiples of ours, which a second
        run should find about the same; a worst of few is luck, and what is lost has no multiple.
    """

    head: str
    section: str
    figure: str
    multiple: bool = True


@define(frozen=True)
class Comparison:
    """Systems side by side.

    :ivar lines: the words of each line, and what its cases are called.
    :ivar words: what is said below the title.
    :ivar ours: the line that the others are multiples of.
    """

    title: str
    lines: Mapping[str, str]
    columns: tuple[Column, ...]
    words: str = ""
    ours: str = "ours_remote"

    def markdown(
        self, measured: Measured, failed: Collection[str] = (), *, spreads: bool = True
    ) -> str:
        """Return the table; a line of which nothing was tried is left out."""
        heads = " | ".join(column.head for column in self.columns)
        table = [f"| | {heads} |", "|---|" + "---:|" * len(self.columns)]
        for words, case in self.lines.items():
            cells = [
                FAILED
                if f"{column.section}.{case}" in failed
                else self._cell(column, case, measured, spreads)
                for column in self.columns
            ]
            if any(cell != NOTHING for cell in cells):
                table.append(f"| {words} | {' | '.join(cells)} |")
        return "\n".join(table)

    def multiples(
        self, measured: Measured, *, settled: bool = False
    ) -> Iterator[tuple[str, float]]:
        """Give every multiple of ours that should be about the same on a second run.

        :param settled: only those of figures whose rounds agree.
        """
        for column in self.columns:
            for words, case in self.lines.items():
                multiple = self._multiple(column, case, measured)
                both = (
                    values_of(measured, f"{column.section}.{one}", column.figure)
                    for one in (case, self.ours)
                )
                if multiple is not None and (not settled or all(map(agree, both))):
                    yield f"{words}: {column.section}.{column.figure}", multiple

    def _cell(self, column: Column, case: str, measured: Measured, spreads: bool) -> str:
        values = values_of(measured, f"{column.section}.{case}", column.figure)
        if not values:
            return NOTHING
        cell = shown(median(values))
        least, most = shown(min(values)), shown(max(values))
        if spreads and least != most:
            cell += f" ({least} to {most})"
        multiple = self._multiple(column, case, measured)
        return cell if multiple is None else f"{cell}, {_times(multiple)}"

    def _multiple(self, column: Column, case: str, measured: Measured) -> float | None:
        if not column.multiple or case == self.ours:
            return None
        theirs = values_of(measured, f"{column.section}.{case}", column.figure)
        ours = values_of(measured, f"{column.section}.{self.ours}", column.figure)
        if not theirs or not ours or not median(ours):
            return None
        return median(theirs) / median(ours)


def _times(multiple: float) -> str:
    return f"{multiple:.0f}x" if multiple >= 10 else f"{multiple:.2g}x"
