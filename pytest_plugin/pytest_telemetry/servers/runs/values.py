"""Reads single values as leniently as the run service does, and says in its words what is wrong."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from telemetry_core import iso8601, parse_iso8601

Read: TypeAlias = Callable[[Any], Any]

_WHOLE = re.compile(r"\s*[+-]?\d+(_\d+)*(\.0*)?\s*")
_FLAGS = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}
_NUMBERS_FOR_FLAGS = {1.0: "1", 0.0: "0"}
_WIDEST = 2**63
_LONGEST_NUMBER = 4300  # the digits that Python reads


class WrongError(Exception):
    """A value is not what it should be."""

    def __init__(self, type: str, msg: str, **ctx: Any) -> None:
        super().__init__(msg)
        self.type, self.msg, self.ctx = type, msg, ctx


def wrong_value(why: str) -> WrongError:
    """Return what a check says that is not about a type."""
    return WrongError("value_error", f"Value error, {why}", error={})


def text(value: Any) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise WrongError("string_type", "Input should be a valid string")
    return value


def some_text(value: Any) -> str:
    """Return a text that is not empty."""
    return text_between(1, math.inf)(value)  # type: ignore[no-any-return]


def text_between(shortest: int, longest: float) -> Read:
    """Return what reads a text of a length."""

    def read(value: Any) -> str:
        given = text(value)
        for name, limit, short in (("min", shortest, True), ("max", longest, False)):
            if (len(given) < limit) if short else (len(given) > limit):
                words = "at least" if short else "at most"
                raise WrongError(
                    f"string_too_{'short' if short else 'long'}",
                    f"String should have {words} {limit} character{'s' * (limit != 1)}",
                    **{f"{name}_length": limit},
                )
        return given

    return read


def whole(value: Any) -> int:
    """Return a whole number, also from a text, a flag or a float that is one."""
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value):
            raise WrongError(
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer",
            )
        if len(value) > _LONGEST_NUMBER:
            raise WrongError(
                "int_parsing_size",
                "Unable to parse input string as an integer, exceeded maximum size",
            )
        return int(value.strip().partition(".")[0])
    if isinstance(value, float):
        if not math.isfinite(value):
            raise WrongError("finite_number", "Input should be a finite number")
        if not value.is_integer():
            raise WrongError(
                "int_from_float",
                "Input should be a valid integer, got a number with a fractional part",
            )
    elif not isinstance(value, int):
        raise WrongError("int_type", "Input should be a valid integer")
    return int(value)


def count(value: Any) -> int:
    """Return a whole number that is not negative and that a column holds."""
    number = whole(value)
    if number < 0:
        raise wrong_value("Value must be non-negative")
    if number >= _WIDEST:
        raise wrong_value("Value must fit into 64 bits")
    return number


def not_negative(value: Any) -> int:
    """Return a whole number of any size that is not negative."""
    if (number := whole(value)) < 0:
        raise wrong_value("Value must be non-negative")
    return number


def at_least(least: int, most: float = math.inf) -> Read:
    """Return what reads a whole number within limits."""

    def read(value: Any) -> int:
        number = whole(value)
        if number < least:
            words = f"Input should be greater than or equal to {least}"
            raise WrongError("greater_than_equal", words, ge=least)
        if number > most:
            raise WrongError(
                "less_than_equal", f"Input should be less than or equal to {most}", le=most
            )
        return number

    return read


def flag(value: Any) -> bool:
    """Return true or false, also from the usual words and from 0 and 1."""
    if not isinstance(value, (bool, int, float, str)):
        raise WrongError("bool_type", "Input should be a valid boolean")
    word = value.lower() if isinstance(value, str) else _NUMBERS_FOR_FLAGS.get(float(value), "")
    if word not in _FLAGS:
        raise WrongError(
            "bool_parsing", "Input should be a valid boolean, unable to interpret input"
        )
    return _FLAGS[word]


def flag_or_nothing(value: Any) -> bool:
    """Return true or false; an empty text is false."""
    return value != "" and flag(value)


def mapping(value: Any) -> dict[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise WrongError("dict_type", "Input should be a valid dictionary")
    return value


def mapping_or_text(value: Any) -> dict[str, Any]:
    """Return an object, also from a text that is one in JSON."""
    if isinstance(value, str):
        try:
            return mapping(json.loads(value))
        except (ValueError, RecursionError):
            pass  # no JSON: refused below, as any other text
    return mapping(value)


def moment(value: Any) -> str:
    """Return a time in UTC."""
    given = text(value)
    if (found := in_utc(given)) is None:
        raise wrong_value(f"{given!r} is no ISO 8601 timestamp")
    return found


def in_utc(given: str) -> str | None:
    """Return an ISO 8601 time in UTC, in the one form that sorts; nothing for what is none."""
    try:
        return iso8601(parse_iso8601(given))
    except (ValueError, OverflowError):
        return None


def is_time(given: str) -> bool:
    """Tell whether the reference service takes it for a time."""
    try:
        datetime.fromisoformat(given)
    except ValueError:
        return False
    return True


def one_of(words: tuple[str, ...], why: str) -> Read:
    """Return what reads one of these words."""

    def read(value: Any) -> str:
        if (given := text(value)) not in words:
            raise wrong_value(why)
        return given

    return read


def or_null(read: Read) -> Read:
    """Return what takes null, too."""
    return lambda value: None if value is None else read(value)


def or_zero(read: Read) -> Read:
    """Return what takes null for zero."""
    return lambda value: read(0 if value is None else value)
