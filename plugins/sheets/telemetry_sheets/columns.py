"""Which columns a sheet has, and what a run puts into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import fields

from telemetry_core import JSON_FIELDS, RUN_FIELDS, APIPayload, json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry_core import RunRecord

KEY = "event_id"  # in column A; by it a row is known again
USUAL = (KEY, *(attribute.name for attribute in fields(APIPayload)))
_LONGEST = 50_000  # characters that a cell holds, counted as UTF-16
_CUT = "…"
_EXACT = 2**53  # a cell's numbers are doubles


def columns_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that are meant, the key first; raises `ValueError` for what no run has."""
    columns = tuple(dict.fromkeys((KEY, *names)))
    for name in columns:
        field, dot, inside = name.partition(".")
        if field not in RUN_FIELDS or (dot and (field not in JSON_FIELDS or not inside)):
            raise ValueError(
                f"no run has {name!r}; a column is a field of a run, or what stands in one of"
                f" {' and '.join(JSON_FIELDS)}, as metrics_json.pages"
            )
    return columns


def cells_of(run: RunRecord, columns: Iterable[str]) -> dict[str, Any]:
    """Return what a run puts into each of these columns."""
    return {name: cell(_value(run, name)) for name in columns}


def cell(value: Any) -> str | float | bool:
    """Return what a cell can hold of a value: a text that is too long is cut."""
    if value is None:
        return ""
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    return _fitting(value if isinstance(value, str) else json_text(value))


def _value(run: RunRecord, name: str) -> Any:
    field, _, inside = name.partition(".")
    value = getattr(run, field)
    for key in filter(None, inside.split(".")):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _fitting(text: str) -> str:
    if len(text) * 2 <= _LONGEST:
        return text
    wide = text.encode("utf-16-le", "replace")
    if len(wide) <= 2 * _LONGEST:
        return text
    return wide[: 2 * (_LONGEST - 1)].decode("utf-16-le", "ignore") + _CUT
