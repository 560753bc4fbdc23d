"""Turns whatever a program hands us into plain values that JSON can hold, and never raises."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.json import Decoder, Encoder

from telemetry_core.errors import InvalidRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DEPTH = 200
_DEPTH_WITH_LITTLE_STACK_LEFT = 8
_LONGEST_FOREIGN_TEXT = 10_000
_MOST_FOREIGN_ITEMS = 10_000  # a mapping or sequence of the program's own class may never end
_MOST_INT_BITS = 4096  # Python refuses to read much longer numbers back

CUT = "[nested too deeply]"
CYCLE = "[refers to itself]"

_encode = Encoder().encode
_decode = Decoder().decode
_read_to_the_end = Decoder(msgspec.Raw).decode  # and build nothing


def tolerant(value: object, depth: int = MAX_DEPTH) -> Any:
    """Return the value in dicts, lists, strings, numbers, booleans and nulls only.

    What JSON has no word for becomes the nearest thing it has: NaN and infinities are null, sets
    are lists, numbers too long to be read back are hexadecimal text, half surrogates are
    escaped, and any other object is its fields or its text.
    """
    for bound in (depth, min(depth, _DEPTH_WITH_LITTLE_STACK_LEFT)):
        try:
            return _plain(value, bound, ())
        except Exception:  # noqa: S112 - little stack left, or a class that fights back
            continue
    return CUT


def text_of(value: object) -> str:
    """Return a text as it is and what another object says of itself, bounded; never raises."""
    kind = type(value)
    if kind is str and value.isascii():  # type: ignore[attr-defined]
        return value  # type: ignore[return-value]
    if issubclass(kind, str):  # not `isinstance`, which asks the object and may be lied to
        return clean_text(value)  # type: ignore[arg-type]
    for speak in (str, repr):
        try:
            return clean_text(shortened(speak(value), _LONGEST_FOREIGN_TEXT))
        except Exception:  # noqa: S112 - the object cannot say; ask it otherwise
            continue
    return f"<unprintable {type_name(kind)}>"


def text_or_none(value: object) -> str | None:
    """Return the text of a value, unless there is none."""
    return None if value is None else text_of(value)


def type_name(cls: type) -> str:
    """Return a class's name, whatever its metaclass would rather say."""
    name: str = type.__dict__["__name__"].__get__(cls)
    return clean_text(name)


def clean_text(text: str) -> str:
    """Return an exact `str` that UTF-8 can hold, half surrogates written as escapes."""
    exact = str.__str__(text)
    if exact.isascii():
        return exact
    try:
        exact.encode()
    except UnicodeEncodeError:
        return exact.encode("utf-8", "backslashreplace").decode()
    return exact


def shortened(text: str, longest: int) -> str:
    """Return a text of at most so many characters, its middle left out, for the ends say most."""
    if len(text) <= longest:
        return text
    head, tail = (longest - 3) // 2, (longest - 2) // 2
    return f"{text[:head]} … {text[-tail:]}"


def _plain(value: object, depth: int, within: tuple[int, ...]) -> Any:
    try:
        members = _members(value)
        if members is None:
            return _plain_leaf(value)
    except Exception:  # an attribute, a length or an iterator that raises
        return text_of(value)
    if id(value) in within:
        return CYCLE
    if depth <= 0:
        return CUT
    within = (*within, id(value))
    if isinstance(members, dict):
        return {key: _plain(item, depth - 1, within) for key, item in members.items()}
    return [_plain(item, depth - 1, within) for item in members]


def _plain_leaf(value: object) -> Any:
    """Write times, bytes, UUIDs and decimals as the quick path does, anything else as text."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, Enum):
        return tolerant(value._value_, _DEPTH_WITH_LITTLE_STACK_LEFT)
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, numbers.Real):
        return _plain_number(value)
    if isinstance(value, (msgspec.Raw, type)):
        return text_of(value)
    if isinstance(value, BaseException):
        return f"{type_name(type(value))}: {text_of(value)}"
    try:
        leaf = msgspec.to_builtins(value)
    except (TypeError, ValueError):
        return text_of(value)
    return leaf if isinstance(leaf, str) else text_of(value)


def _plain_number(value: numbers.Real) -> int | float | str | None:
    if isinstance(value, numbers.Integral):
        number = int.__index__(value) if isinstance(value, int) else int(value)
        return number if number.bit_length() <= _MOST_INT_BITS else hex(number)
    real = float.__float__(value) if isinstance(value, float) else float(value)
    return real if math.isfinite(real) else None


def _members(value: object) -> dict[str, Any] | Iterable[Any] | None:
    """Return what a container holds, copied so that it may change meanwhile; None for a leaf."""
    if isinstance(value, dict):
        return {_key(key): item for key, item in list(dict.items(value))}
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, (str, Enum, bytes, bytearray, memoryview, type)):
        return None
    if isinstance(value, Mapping):
        return {_key(key): value[key] for key in islice(value, _MOST_FOREIGN_ITEMS)}
    if isinstance(value, (Sequence, AbstractSet)):
        return list(islice(value, _MOST_FOREIGN_ITEMS))
    names = _field_names(type(value))
    return None if names is None else {name: getattr(value, name, None) for name in names}


def _field_names(cls: type) -> list[str] | None:
    """Return the fields an attrs class, a dataclass or a struct shows of itself."""
    attributes = getattr(cls, "__attrs_attrs__", None)
    if attributes is None and hasattr(cls, "__dataclass_fields__"):
        attributes = cls.__dataclass_fields__.values()
    if attributes is not None:
        return [attribute.name for attribute in attributes if attribute.repr is not False]
    names = getattr(cls, "__struct_fields__", None)
    return None if names is None else list(names)


def _key(key: object) -> str:
    """Write a key as JSON must have it: text, and the words of JSON for its constants."""
    if isinstance(key, str):
        return clean_text(key)
    if key is None or key is True or key is False:
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, Enum):
        return _key(key._value_)
    return text_of(key)


def json_text(value: object) -> str:
    """Return a value as one line of valid JSON, a hostile one as `tolerant` makes it plain."""
    try:
        line = _encode(value)
        # A `Raw` in the value is written as it stands, and what is nested too deep cannot be read.
        _read_to_the_end(line)
        if b"\n" not in line:
            return line.decode()
    except Exception:  # noqa: S110 - whatever it was, the tolerant path copes with it
        pass
    return _encode(tolerant(value)).decode()


def json_object(line: bytes) -> dict[str, Any]:
    """Read a line of JSON that holds an object. Raises `InvalidRecordError` for any other."""
    try:
        values = _decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        values = _beyond_json(line)
    if not isinstance(values, dict):
        raise InvalidRecordError("it is JSON, but no object")
    return values


def _beyond_json(line: bytes) -> Any:
    """Read what Python's own `json.dumps` writes beyond JSON: NaN, infinities, half surrogates."""
    try:
        return json.loads(line.decode("utf-8-sig"), parse_constant=lambda _: None)
    except UnicodeDecodeError:
        raise InvalidRecordError("it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise InvalidRecordError("it is torn, or no JSON") from None
