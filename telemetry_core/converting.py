"""Turns what a table or a variable says into the type that a field declares, or says what fits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from telemetry_core.credentials import Secret, SecretReader
from telemetry_core.settings import FLAG, PATH, pieces, shown

if TYPE_CHECKING:
    from cattrs import Converter

_LISTS = (tuple, list, set, frozenset)
_EXACTLY = {str: (str,), int: (int,), float: (float, int), bool: (bool,)}
_IN_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    Secret: 'a text, { env = "NAME" } or { file = "path" }',
}


class Anything:
    """The type of a field whose name is not imported while the program runs."""

    def __class_getitem__(cls, _: object) -> object:
        return Any


def strict_converter(secrets: SecretReader) -> Converter:
    """Return a converter that guesses nothing: no text for a number, no number for a text."""
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True, detailed_validation=True)

    def path(value: object, wanted: Any) -> Path:
        text: str = _checked(PATH.accepts(value), value, wanted)
        return secrets.folder / os.path.expanduser(text)

    def many(value: object, wanted: Any) -> Any:
        items = _checked(isinstance(value, list), value, wanted)
        kind = get_args(wanted)[0]
        return _origin(wanted)(converter.structure(item, kind) for item in items)

    converter.register_structure_hook(Anything, lambda value, _: value)
    for kind in _EXACTLY:
        converter.register_structure_hook(kind, _one)
    converter.register_structure_hook(Path, path)
    converter.register_structure_hook(Secret, lambda value, _: secrets.read(value))
    converter.register_structure_hook_func(lambda kind: _origin(kind) in _LISTS, many)
    converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _choice)
    return converter


def from_text(text: str, wanted: Any) -> object:
    """Return the value of a type that a variable's text stands for; raises `ValueError`."""
    origin, arguments = _origin(wanted), get_args(wanted)
    if type(None) in arguments:
        return from_text(text, _without_none(arguments))
    if origin is Literal:
        choices = {str(choice): choice for choice in arguments}
        return choices[_checked(text in choices, text, wanted)]
    if origin in _LISTS:
        return origin(from_text(piece, arguments[0]) for piece in pieces(text))
    if wanted is bool:
        return FLAG.parse(text)
    if wanted is Path:
        return Path(PATH.parse(_checked(PATH.accepts(text), text, wanted)))
    return wanted(text)


def _without_none(kinds: tuple[Any, ...]) -> Any:
    return next(kind for kind in kinds if kind is not type(None))


def _one(value: object, wanted: Any) -> Any:
    if wanted not in _EXACTLY:  # a kind of text or number, such as an enumeration
        return wanted(value)
    return _checked(type(value) in _EXACTLY[wanted], value, wanted)


def _choice(value: object, wanted: Any) -> Any:
    return _checked(value in get_args(wanted), value, wanted)


def _checked(fits: bool, value: Any, wanted: Any) -> Any:
    if not fits:
        raise ValueError(f"expected {in_words(wanted)}, not {shown(value)}")
    return value


def _origin(wanted: Any) -> Any:
    """Return the generic type behind a type; mypy takes what `get_origin` says too narrowly."""
    return get_origin(wanted)


def in_words(wanted: Any) -> str:
    """Say what a field of a type takes."""
    origin, arguments = _origin(wanted), get_args(wanted)
    if type(None) in arguments:
        return in_words(_without_none(arguments))
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in _LISTS:
        return "a list"
    if origin is dict:
        return "a table"
    return _IN_WORDS.get(wanted) or str(getattr(wanted, "__name__", wanted))
