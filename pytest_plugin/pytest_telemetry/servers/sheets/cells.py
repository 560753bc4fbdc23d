"""What a cell holds: how it gets there, and how it is read."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from attrs import define

from pytest_telemetry.servers.sheets.answers import Refused

if TYPE_CHECKING:
    from typing import TypeAlias

    Cell: TypeAlias = "str | float | bool | Formula"

EMPTY = ""
_MOST_CHARACTERS = 50_000
_MOST_DIGITS = 15  # of a whole number, before it is shown as 1.23457E+15
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@define(frozen=True)
class Formula:
    """A text that became a formula on its way into a cell; equal to no text."""

    text: str


def entered(value: Any, place: str, *, raw: bool) -> Cell:
    """Return what a value becomes in a cell, stored as it is or read as if somebody typed it.

    :param place: where it stands in the request, for the refusal of what no cell holds.
    """
    if isinstance(value, dict | list):
        kind = "struct_value" if isinstance(value, dict) else "list_value"
        raise Refused(400, f"Invalid {place}: {kind} {{\n}}\n")
    if isinstance(value, str):
        if len(value) > _MOST_CHARACTERS:
            most = f"the maximum of {_MOST_CHARACTERS} characters"
            raise Refused(400, f"Your input contains more than {most} in a single cell.")
        return value if raw else _typed(value)
    if isinstance(value, bool):
        return value
    number = _double(value)
    if math.isinf(number):
        raise Refused(400, f"Invalid {place}: the number is beyond the range of a double")
    return _whole(number)


def shown(cell: Cell, option: str) -> Any:
    """Return a cell as a reader gets it who asked for this rendering of values."""
    if isinstance(cell, Formula):
        return cell.text  # nobody calculates here
    if option != "FORMATTED_VALUE" or isinstance(cell, str):
        return cell
    return str(cell).upper() if isinstance(cell, bool) else _formatted(cell)


def _typed(text: str) -> Cell:
    if text.startswith("=") and len(text) > 1:
        return Formula(text)
    if text.startswith("'"):
        return text[1:]
    if text.upper() in {"TRUE", "FALSE"}:
        return text.upper() == "TRUE"
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return text if math.isinf(number) else _whole(number)


def _double(value: float) -> float:
    """Return a number with the precision that a cell has."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _whole(number: float) -> float:
    """Return a number without a point where it is a whole one."""
    return int(number) if number.is_integer() else number


def _formatted(number: float) -> str:
    if isinstance(number, int) and abs(number) < 10**_MOST_DIGITS:
        return str(number)
    return f"{number:.6G}" if isinstance(number, int) else f"{number:.10G}"
