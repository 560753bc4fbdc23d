"""The shapes that values must have, and where one has another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import UUID

from attrs import define, field

Check: TypeAlias = Callable[[Any, str], None]

_KINDS = {
    bool: "a flag",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a text",
    type(None): "null",
}


class WrongShapeError(ValueError):
    """A value is not what is read there; the message says where, and what it is."""


def _wrong(where: str, value: Any, wanted: str) -> WrongShapeError:
    return WrongShapeError(f"{where} is {_KINDS[type(value)]}, not {wanted}")


def anything(value: Any, where: str) -> None:
    """Take any value."""


def text(value: Any, where: str) -> None:
    """Take a text."""
    if not isinstance(value, str):
        raise _wrong(where, value, "a text")


def flag(value: Any, where: str) -> None:
    """Take true or false."""
    if not isinstance(value, bool):
        raise _wrong(where, value, "true or false")


def whole(least: int, most: int) -> Check:
    """Return what takes a whole number within limits."""

    def check(value: Any, where: str) -> None:
        if type(value) is not int or not least <= value <= most:
            raise _wrong(where, value, f"a whole number from {least} to {most}")

    return check


def mapping(value: Any, where: str) -> None:
    """Take an object."""
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object")


def list_of(check_item: Check) -> Check:
    """Return what takes a list of such values."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise _wrong(where, value, "a list")
        for place, item in enumerate(value):
            check_item(item, f"{where}[{place}]")

    return check


def one_of(*words: str) -> Check:
    """Return what takes one of these words."""

    def check(value: Any, where: str) -> None:
        if value not in words:
            raise _wrong(where, value, " or ".join(map(repr, words)))

    return check


def uuid(value: Any, where: str) -> None:
    """Take the text of a UUID, or an empty one."""
    text(value, where)
    try:
        UUID(value or "0" * 32)
    except ValueError:
        raise _wrong(where, value, "that of a UUID") from None


@define(frozen=True)
class Shape:
    """An object; what is not named here may be anything.

    :ivar needed: what it must have.
    :ivar maybe: what it may lack, or have as null.
    :ivar never_null: what it may lack.
    """

    needed: Mapping[str, Check] = field(factory=dict)
    maybe: Mapping[str, Check] = field(factory=dict)
    never_null: Mapping[str, Check] = field(factory=dict)

    def __call__(self, value: Any, where: str) -> None:
        """Take an object of this shape."""
        mapping(value, where)
        prefix = f"{where}." if where else ""
        for name, check in self.needed.items():
            if name not in value:
                raise WrongShapeError(f"{prefix}{name} is missing")
            check(value[name], f"{prefix}{name}")
        for name, check in self.maybe.items():
            if value.get(name) is not None:
                check(value[name], f"{prefix}{name}")
        for name, check in self.never_null.items():
            if name in value:
                check(value[name], f"{prefix}{name}")
