"""Python values as TOML writes them, and the other way round for what somebody typed."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time
from tomllib import TOMLDecodeError, loads
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def quoted(text: str) -> str:
    """Return a text as TOML has it, which is as JSON has it but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def key_text(key: str) -> str:
    """Return a key as TOML has it: bare where it can be."""
    return key if _BARE.fullmatch(key) else quoted(key)


def dotted(path: Iterable[str]) -> str:
    """Return the keys of a path with dots between them."""
    return ".".join(map(key_text, path))


def value_text(value: object) -> str:
    """Return a value as TOML has it, on one line; raises `TypeError` for what TOML lacks."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return quoted(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(map(value_text, value))}]"
        case dict():
            pairs = (f"{key_text(key)} = {value_text(item)}" for key, item in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
    raise TypeError(f"TOML has no {type(value).__name__}")


def shown_text(value: object) -> str:
    """Return a value as TOML would have it, for people; what is not set is nothing."""
    try:
        return "" if value is None else value_text(value)
    except TypeError:
        return str(value)


def value_of(text: str) -> Any:
    """Return what a text means as a value of TOML; raises `ValueError` when it means none."""
    try:
        document = loads(f"value = {text}")
    except (TOMLDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if document.keys() != {"value"}:
        raise ValueError("more than one value")
    return document["value"]


def path_of(key: str) -> tuple[str, ...]:
    """Return the path that a dotted key names; raises `ValueError` when it is no key."""
    try:
        node: Any = loads(f"{key} = 0")
    except (TOMLDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    path: list[str] = []
    while isinstance(node, dict) and len(node) == 1:
        ((name, node),) = node.items()
        path.append(name)
    if node != 0 or "=" in _without_quotes(key):
        raise ValueError("not a key")
    return tuple(path)


def _without_quotes(key: str) -> str:
    return re.sub(r"\"(?:\\.|[^\"])*\"|'[^']*'", "", key)
