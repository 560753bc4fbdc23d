"""The values API: append, update, get, and what the file is made of."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pytest_telemetry.servers.messages import Refusal
from pytest_telemetry.servers.sheets.a1 import letters
from pytest_telemetry.servers.sheets.answers import Refused
from pytest_telemetry.servers.sheets.cells import EMPTY, entered, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_telemetry.servers.messages import Request
    from pytest_telemetry.servers.sheets.a1 import Area
    from pytest_telemetry.servers.sheets.cells import Cell
    from pytest_telemetry.servers.sheets.grid import Spreadsheet, Tab

_PACKAGE = "google.apps.sheets.v4"
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "valueInputOption": ("RAW", "USER_ENTERED"),
    "insertDataOption": ("OVERWRITE", "INSERT_ROWS"),
    "valueRenderOption": ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"),
    "responseValueRenderOption": ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"),
    "dateTimeRenderOption": ("SERIAL_NUMBER", "FORMATTED_STRING"),
    "responseDateTimeRenderOption": ("SERIAL_NUMBER", "FORMATTED_STRING"),
    "majorDimension": ("ROWS", "COLUMNS"),
    "includeValuesInResponse": ("false", "true", "False", "True"),
}
_OF_ALL = {"alt", "fields", "key", "prettyPrint", "quotaUser", "access_token"}
_OF_FILE = {"includeGridData", "ranges"}


class Asked:
    """A request, its options and its values, read and checked."""

    def __init__(self, request: Request) -> None:
        self._query = request.query
        for name, text in self._query.items():
            if name not in _OPTIONS and name not in _OF_ALL | _OF_FILE:
                why = f"Cannot bind query parameter. Field '{name}' could not be found"
                raise _unknown(name, f"{why} in request message.")
            if name in _OPTIONS and text not in _OPTIONS[name]:
                raise _invalid(name, text)
        self.body = body_of(request) if request.method in {"POST", "PUT"} else {}

    def option(self, name: str) -> str:
        """Return an option, by default the first of those there are."""
        return self._query.get(name, _OPTIONS[name][0])

    def rows(self) -> list[list[Cell | None]]:
        """Return the values as cells; null is a cell that is left as it is."""
        if "valueInputOption" not in self._query:
            raise Refused(400, "'valueInputOption' is required but not specified")
        raw = self.option("valueInputOption") == "RAW"
        cells = [
            [
                None if value is None else entered(value, f"values[{i}][{j}]", raw=raw)
                for j, value in enumerate(row)
            ]
            for i, row in enumerate(self.body.get("values", []))
        ]
        by_columns = self.body.get("majorDimension") == "COLUMNS"
        return [list(row) for row in zip_longest(*cells)] if by_columns else cells


def append(file: Spreadsheet, range: str, asked: Asked) -> dict[str, Any]:
    """Add rows below the last table in a range."""
    rows = asked.rows()
    tab, area = file.find(range)
    within = tab.clipped(area)
    table = tab.table_in(within)
    top, left = (within.top, within.left) if table is None else (table.bottom or 0, table.left)
    inserts = asked.option("insertDataOption") == "INSERT_ROWS"
    file.check_room(len(rows) if inserts else max(top + len(rows) - tab.row_count, 0), tab)
    if inserts:
        tab.insert_rows(top, len(rows))
    found = {} if table is None else {"tableRange": table.written(tab.title)}
    start = evolve(within, top=top, left=left)
    return {"spreadsheetId": file.id, **found, "updates": _written(file, tab, start, rows, asked)}


def update(file: Spreadsheet, range: str, asked: Asked) -> dict[str, Any]:
    """Fill the cells of a range."""
    rows = asked.rows()
    tab, area = file.find(range)
    within = tab.clipped(area)
    filled = _filled(within, rows)
    _check_fit(area, filled, within.written(tab.title))
    tab.covers(filled)
    return _written(file, tab, within, rows, asked)


def get(file: Spreadsheet, range: str, asked: Asked) -> dict[str, Any]:
    """Return the cells of a range."""
    tab, area = file.find(range)
    return _values(tab, tab.clipped(area), asked, asked.option("valueRenderOption"))


def metadata(file: Spreadsheet, _range: str, _asked: Asked) -> dict[str, Any]:
    """Return which tabs there are, and how large."""
    tabs = [
        {
            "properties": {
                "sheetId": tab.id,
                "title": tab.title,
                "index": index,
                "sheetType": "GRID",
                "gridProperties": {"rowCount": tab.row_count, "columnCount": tab.column_count},
            }
        }
        for index, tab in enumerate(file.tabs.values())
    ]
    of_file = {"locale": "en_US", "autoRecalc": "ON_CHANGE", "timeZone": "Etc/GMT"}
    return {
        "spreadsheetId": file.id,
        "properties": {"title": file.title, **of_file},
        "sheets": tabs,
        "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{file.id}/edit",
    }


def body_of(request: Request) -> dict[str, Any]:
    """Return the values that a request brings, as Google reads them."""
    try:
        body = request.json() if request.content() else {}
    except Refusal as refusal:
        raise Refused(400, f"Invalid JSON payload received. {refusal}") from None
    if not isinstance(body, dict):
        raise _unknown("", "Root element must be a message.")
    for name in body:
        if name not in {"range", "majorDimension", "values"}:
            raise _unknown(name, "Cannot find field.")
    body = {name: value for name, value in body.items() if value is not None}
    if body.get("majorDimension", "ROWS") not in _OPTIONS["majorDimension"]:
        raise _invalid("majorDimension", body["majorDimension"])
    values = body.get("values", [])
    if not isinstance(values, list) or not all(isinstance(row, list) for row in values):
        raise Refused(
            400, "Invalid value at 'data.values' (type.googleapis.com/google.protobuf.ListValue)"
        )
    return body


def _written(
    file: Spreadsheet, tab: Tab, start: Area, rows: Sequence[Sequence[Cell | None]], asked: Asked
) -> dict[str, Any]:
    """Write rows from the corner of an area on; return what the answer says of it."""
    area = _filled(start, rows)
    count = tab.write(area.top, area.left, rows)
    answer: dict[str, Any] = {"spreadsheetId": file.id, "updatedRange": area.written(tab.title)}
    if count:
        answer |= {
            "updatedRows": len(rows),
            "updatedColumns": (area.right or 0) - area.left,
            "updatedCells": count,
        }
    if asked.option("includeValuesInResponse").lower() == "true":
        option = asked.option("responseValueRenderOption")
        answer["updatedData"] = _values(tab, area, asked, option)
    return answer


def _check_fit(area: Area, filled: Area, written: str) -> None:
    """Refuse values that do not fit into the range that was named; one cell is but a corner."""
    if (area.bottom, area.right) == (area.top + 1, area.left + 1):
        return
    tried = f"Requested writing within range [{written}], but tried writing to"
    if area.bottom is not None and (filled.bottom or 0) > area.bottom:
        raise Refused(400, f"{tried} row [{area.bottom + 1}]")
    if area.right is not None and (filled.right or 0) > area.right:
        raise Refused(400, f"{tried} column [{letters(area.right)}]")


def _filled(start: Area, rows: Sequence[Sequence[Cell | None]]) -> Area:
    """Return the area that rows take from the corner of another on, a cell at least."""
    right = start.left + max(1, max(map(len, rows), default=1))
    return evolve(start, bottom=start.top + max(1, len(rows)), right=right)


def _values(tab: Tab, area: Area, asked: Asked, option: str) -> dict[str, Any]:
    """Return the cells of an area as an answer has them; without any, no values are named."""
    dimension = asked.option("majorDimension")
    rows = [[shown(cell, option) for cell in row] for row in tab.read(area)]
    if dimension == "COLUMNS":
        rows = [_without_end(column) for column in zip_longest(*rows, fillvalue=EMPTY)]
    values = {"values": rows} if rows else {}
    return {"range": area.written(tab.title), "majorDimension": dimension, **values}


def _without_end(column: Sequence[Any]) -> list[Any]:
    filled = [place for place, value in enumerate(column, 1) if value != EMPTY]
    return list(column[: max(filled, default=0)])


def _unknown(name: str, why: str) -> Refused:
    return Refused(400, f'Invalid JSON payload received. Unknown name "{name}": {why}')


def _invalid(name: str, text: Any) -> Refused:
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return Refused(400, f"Invalid value at '{snake}' (type.googleapis.com/{_PACKAGE}), \"{text}\"")
