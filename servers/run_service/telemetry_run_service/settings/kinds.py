"""What a setting of the service may be: each kind says it in words and reads a text."""

from __future__ import annotations

import os
from ipaddress import ip_network
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off"})
_LARGEST = 2**63 - 1


class Kind(NamedTuple):
    """One kind of setting.

    :ivar read: returns the value that a text stands for; raises `ValueError`.
    :ivar accepts: tells whether a value is of this kind.
    """

    says: str
    read: Callable[[str], Any]
    accepts: Callable[[Any], bool]


def pieces(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated list."""
    return tuple(piece.strip() for piece in text.split(",") if piece.strip())


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a path that stays the same when the working directory changes."""
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def whole(least: int, most: int = _LARGEST) -> Kind:
    """Return the kind that is a whole number."""
    limits = f"from {least} to {most}" if most < _LARGEST else f"of at least {least}"
    return Kind(
        f"a whole number {limits}",
        int,
        lambda value: type(value) is int and least <= value <= most,
    )


def number(least: float, most: float, *, above: bool = False) -> Kind:
    """Return the kind that is a number between two, the lower one excluded with `above`."""
    limits = f"above {least:g}, up to {most:,.0f}" if above else f"from {least:g} to {most:,.0f}"
    return Kind(
        f"a number {limits}",
        float,
        lambda value: (
            type(value) in {int, float}
            and isfinite(value)
            and (least < value if above else least <= value)
            and value <= most
        ),
    )


def word(*choices: str) -> Kind:
    """Return the kind that is one of a few words, written in capitals or not."""
    known = {choice.lower(): choice for choice in choices}
    return Kind(
        f"one of {', '.join(choices)}",
        lambda text: known.get(text.lower(), text),
        lambda value: value in choices,
    )


def _flag(text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise ValueError(text)
    return text.lower() in _YES


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= 4096  # noqa: PLR2004


def _are_addresses(values: object) -> bool:
    return isinstance(values, tuple) and all(map(_is_address, values))


def _is_address(value: str) -> bool:
    try:
        ip_network(value, strict=False)
    except ValueError:
        return value == "*"
    return True


FLAG = Kind("true or false", _flag, lambda value: type(value) is bool)
LINE = Kind("one line of text", str, _is_line)
PATH = Kind("a path", absolute, _is_line)
ADDRESSES = Kind(
    "addresses or networks such as 10.0.0.1, 10.1.0.0/16, or *", pieces, _are_addresses
)
