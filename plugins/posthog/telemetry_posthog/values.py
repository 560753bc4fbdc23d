"""Turns values into what PostHog's own SDK sends of them, where JSON has no word for them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import NoneType
from typing import Any

from telemetry_core import tolerant

_PLAIN = frozenset({str, int, float, bool, NoneType})
_KEYS = frozenset({str})
_MOST_LEVELS = 100


def plain(value: Any) -> Any:
    """Return a value for JSON: decimals as numbers, bytes as text, times with their offset.

    All else is as the core writes it, an object its fields or its text.

    What is plain already is returned as it is, NaN included, which `encoded` writes as null.
    Never raises.
    """
    return value if _is_plain(value) else tolerant(_converted(value, _MOST_LEVELS))


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (
        type(value) is dict
        and _PLAIN.issuperset(map(type, value.values()))
        and _KEYS.issuperset(map(type, value))
    )


def _converted(value: Any, levels: int) -> Any:
    """Replace what the core would write otherwise than PostHog reads it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, date):
        return value.isoformat()
    if levels and type(value) is dict:
        return {key: _converted(item, levels - 1) for key, item in list(value.items())}
    if levels and type(value) in {list, tuple, set, frozenset}:
        return [_converted(item, levels - 1) for item in list(value)]
    return value
