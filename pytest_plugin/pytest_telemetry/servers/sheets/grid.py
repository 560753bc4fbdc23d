"""The spreadsheet: its tabs, each a grid of cells that is read, written and appended to."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from pytest_telemetry.servers.sheets.a1 import Area, letters, located
from pytest_telemetry.servers.sheets.answers import Refused
from pytest_telemetry.servers.sheets.cells import EMPTY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_telemetry.servers.sheets.cells import Cell

_BLANK: tuple[list[str], ...] = ([], [EMPTY])


@define(eq=False)
class Tab:
    """One sheet of the spreadsheet, as large as a new one is.

    :ivar cells: the rows, none longer or more than what is filled needs.
    """

    title: str
    id: int
    row_count: int = 1000
    column_count: int = 26
    cells: list[list[Cell]] = field(factory=list)

    @property
    def header(self) -> list[Any]:
        """Return the first row."""
        return list(self.cells[0]) if self.cells else []

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows below the header by its names; a column without one has its letter."""
        return [named(self.header, row) for row in self.cells[1:]]

    def clipped(self, area: Area) -> Area:
        """Return the area with its ends, no further than the tab goes; refuses what is outside."""
        if area.top >= self.row_count or area.left >= self.column_count:
            raise self._too_large(area)
        bottom = min(area.bottom or self.row_count, self.row_count)
        return evolve(
            area, bottom=bottom, right=min(area.right or self.column_count, self.column_count)
        )

    def covers(self, area: Area) -> None:
        """Refuse an area that is not wholly within the tab."""
        if (area.bottom or 0) > self.row_count or (area.right or 0) > self.column_count:
            raise self._too_large(area)

    def read(self, area: Area) -> list[list[Cell]]:
        """Return the cells of an area, without the empty ones at the ends of rows and of all."""
        found = [row[area.left : area.right] for row in self.cells[area.top : area.bottom]]
        for line in found:
            _trim(line)
        while found and not found[-1]:
            found.pop()
        return found

    def write(self, top: int, left: int, rows: Sequence[Sequence[Cell | None]]) -> int:
        """Fill cells from a corner on, as large as the tab has to be; return how many.

        None leaves a cell as it is.
        """
        self._reach(top + len(rows), left + max(map(len, rows), default=0))
        self.cells += [[] for _ in range(top + len(rows) - len(self.cells))]
        for line, values in zip(self.cells[top:], rows, strict=False):
            line.extend([EMPTY] * (left + len(values) - len(line)))
            for column, value in enumerate(values, left):
                line[column] = line[column] if value is None else value
            _trim(line)
        while self.cells and not self.cells[-1]:
            self.cells.pop()
        return sum(value is not None for values in rows for value in values)

    def insert_rows(self, top: int, count: int) -> None:
        """Move all from a row on down by so many."""
        self.row_count += count
        if top < len(self.cells):
            self.cells[top:top] = [[] for _ in range(count)]

    def table_in(self, area: Area) -> Area | None:
        """Return the last block of filled cells that an area touches, if there is any."""
        last = min(area.bottom or self.row_count, len(self.cells))
        for row in range(last - 1, area.top - 1, -1):
            for column, cell in enumerate(self.cells[row][: area.right]):
                if cell != EMPTY and column >= area.left:
                    return self._block(row, column)
        return None

    def _block(self, row: int, column: int) -> Area:
        """Return the smallest area around a cell that has only empty cells around it."""
        top, left, bottom, right = row, column, row + 1, column + 1
        before = None
        while before != (top, left, bottom, right):
            before = (top, left, bottom, right)
            while top > 0 and self._filled(top - 1, left - 1, right + 1):
                top -= 1
            while self._filled(bottom, left - 1, right + 1):
                bottom += 1
            lines = self.cells[top:bottom]
            while left > 0 and any(line[left - 1 : left] not in _BLANK for line in lines):
                left -= 1
            while any(line[right : right + 1] not in _BLANK for line in lines):
                right += 1
        return Area(top, left, bottom, right)

    def _filled(self, row: int, left: int, right: int) -> bool:
        cells = self.cells[row][max(left, 0) : right] if row < len(self.cells) else []
        return cells.count(EMPTY) < len(cells)

    def _reach(self, rows: int, columns: int) -> None:
        self.row_count = max(self.row_count, rows)
        self.column_count = max(self.column_count, columns)

    def _too_large(self, area: Area) -> Refused:
        limits = f"Max rows: {self.row_count}, max columns: {self.column_count}"
        written = evolve(
            area, bottom=area.bottom or self.row_count, right=area.right or self.column_count
        )
        return Refused(400, f"Range ({written.written(self.title)}) exceeds grid limits. {limits}")


class Spreadsheet:
    """The tabs of one file, by their titles.

    :ivar most_cells: how many cells all tabs together have at most, empty ones included.
    """

    def __init__(self, id: str, *titles: str) -> None:
        self.id = id
        self.title = "Runs of a test"
        self.most_cells = 10_000_000
        self.tabs: dict[str, Tab] = {}
        self._ids = count()
        for title in titles:
            self.add(title)

    def add(self, title: str) -> Tab:
        """Add an empty tab behind the others."""
        self.tabs[title] = tab = Tab(title, next(self._ids))
        return tab

    def remove(self, title: str) -> None:
        """Take a tab away; where it was the last, a new one is there, as every file has one."""
        del self.tabs[title]
        if not self.tabs:
            self.add("Sheet1")

    def find(self, text: str) -> tuple[Tab, Area]:
        """Return the tab and the area of a range; raises the refusal of one that means none."""
        title, area = located(text, list(self.tabs))
        return self.tabs[title], area

    def check_room(self, more_rows: int, tab: Tab) -> None:
        """Refuse more rows than the file may have cells."""
        cells = sum(tab.row_count * tab.column_count for tab in self.tabs.values())
        if cells + more_rows * tab.column_count > self.most_cells:
            above = f"above the limit of {self.most_cells} cells"
            raise Refused(
                400, f"This action would increase the number of cells in the workbook {above}."
            )


def named(header: Sequence[Any], row: Sequence[Any]) -> dict[str, Any]:
    """Return a row by the names of its columns, or their letters; what is missing is empty."""
    width = max(len(header), len(row))
    names = [str(header[i]) if i < len(header) and header[i] else letters(i) for i in range(width)]
    return dict(zip(names, [*row, *[EMPTY] * (width - len(row))], strict=True))


def _trim(line: list[Any]) -> None:
    while line and line[-1] == EMPTY:
        line.pop()
