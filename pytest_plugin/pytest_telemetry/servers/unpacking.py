"""From the bytes of a body to the value in it, as strictly as the server reads."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_GZIP, _ZLIB = 31, 15  # zlib's numbers for the formats
_DEEPEST = 128
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class NotUnpackedError(ValueError):
    """The bytes are not in the format that they claim."""


class TooLargeError(ValueError):
    """There is more in it than is taken."""


class NoJsonError(ValueError):
    """The text is no JSON."""


def ungzipped(body: bytes, most: int) -> bytes:
    """Return what was packed with gzip."""
    return _unpacked(body, most, _GZIP)


def inflated(body: bytes, most: int) -> bytes:
    """Return what was packed as HTTP calls deflate."""
    return _unpacked(body, most, _ZLIB)


def _unpacked(body: bytes, most: int, format: int) -> bytes:
    unpacker = zlib.decompressobj(format)
    try:
        content = unpacker.decompress(body, most + 1)
    except zlib.error as error:
        raise NotUnpackedError(str(error)) from None
    if len(content) > most:
        raise TooLargeError(f"unpacked it has more than {most} bytes")
    if not unpacker.eof:
        raise NotUnpackedError("it ends too early")
    return content


def read_json(content: bytes, read_object: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """Return the value that a text is in JSON.

    :param read_object: makes an object of its members; raises `ValueError` for what is none.
    """
    try:
        value = json.loads(
            content.decode(),
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_number,
            object_pairs_hook=read_object,
        )
        if _SURROGATE.search(content):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NoJsonError("lone surrogate in hex escape") from None
    except (ValueError, RecursionError) as error:
        raise NoJsonError(str(error)) from None
    if content.count(b"[") + content.count(b"{") > _DEEPEST and _is_too_deep(value):
        raise NoJsonError("recursion limit exceeded")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"expected value, not {name}")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise ValueError("number out of range")
    return number


def _number(digits: str) -> int | float:
    """Return a whole number, or a fraction where it does not fit into 64 bits."""
    number = _finite(digits)
    return int(digits) if -(2.0**63) <= number < 2.0**64 else number


def _is_too_deep(value: Any) -> bool:
    level = _containers([value])
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _containers(_inner(one))]
    return bool(level)


def _inner(one: Any) -> Iterable[Any]:
    return one.values() if isinstance(one, dict) else one


def _containers(values: Iterable[Any]) -> list[Any]:
    return [one for one in values if isinstance(one, (dict, list))]
