"""What a setting may be: each kind says it in words, checks a value and reads a variable's text."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import Attribute, field, fields

from telemetry_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from telemetry_core.credentials import Environment

LONGEST_NAME = 64
_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{LONGEST_NAME - 1}}}")
_LONGEST_LINE = 200
_LARGEST = 2**63 - 1
_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off"})


class Origin(NamedTuple):
    """Where a setting was said: a file and the path in it, or a variable, or a class."""

    source: str
    path: str = ""

    def at(self, key: str) -> Origin:
        """Return the origin of what stands under a key."""
        return Origin(self.source, f"{self.path}.{key}" if self.path else key)

    def error(self, problem: str) -> ConfigError:
        """Return the error that says what is wrong and where."""
        where = f" @ {self.path}" if self.path else ""
        return ConfigError(f"{self.source}: {problem}{where}")


class SettingType(NamedTuple):
    """One kind of setting."""

    says: str
    accepts: Callable[[Any], bool]
    parse: Callable[[str], Any] = str

    def check(self, value: Any, origin: Origin) -> Any:
        """Return the value; raises `ConfigError` when it is not of this kind."""
        if not self.accepts(value):
            raise origin.error(f"expected {self.says}, not {shown(value)}")
        return value

    def or_nothing(self) -> SettingType:
        """Return this kind for a setting that need not be made."""
        return SettingType(
            self.says, lambda value: value is None or self.accepts(value), self.parse
        )

    def read(self, text: str, origin: Origin) -> Any:
        """Return the value that a variable's text stands for; raises `ConfigError`."""
        try:
            value = self.parse(text)
        except (ValueError, OSError):
            raise origin.error(f"expected {self.says}, not {shown(text)}") from None
        return self.check(value, origin)


def shown(value: object) -> str:
    """Return a value as an error may show it: on one line, and never long."""
    from reprlib import repr as shorten

    try:
        return shorten(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return "a number beyond all measure"


def is_name(value: object) -> bool:
    """Tell whether a value may name a sink, whose files bear its name."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def pieces(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated list."""
    return tuple(piece.strip() for piece in text.split(",") if piece.strip())


def words(*choices: str) -> SettingType:
    """Return the kind that is one of a few words."""
    return SettingType(f"one of {', '.join(choices)}", lambda value: value in choices, str.lower)


def whole(least: int = 1) -> SettingType:
    """Return the kind that is a whole number."""
    return SettingType(
        f"a whole number of at least {least}",
        lambda value: type(value) is int and least <= value <= _LARGEST,
        int,
    )


def number(most: int) -> SettingType:
    """Return the kind that is a number from 0 to a limit, whole or not."""
    return SettingType(
        f"a number from 0 to {most}",
        lambda value: type(value) in {int, float} and 0 <= value <= most,
        float,
    )


def _is_line(value: object) -> bool:
    return (
        isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= _LONGEST_LINE
    )


def _is_path(value: object) -> bool:
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    return isinstance(text, str) and text != "" and "\0" not in text


def _all(check: Callable[[object], bool]) -> Callable[[Any], bool]:
    return lambda values: isinstance(values, (list, tuple)) and all(map(check, values))


def _are_names(values: Any) -> bool:
    return _all(is_name)(values) and len({name.casefold() for name in values}) == len(values)


def _parse_flag(text: str) -> bool:
    word = text.lower()
    if word not in _YES | _NO:
        raise ValueError(text)
    return word in _YES


LINE = SettingType(f"one line of at most {_LONGEST_LINE} characters", _is_line)
LINES = SettingType("a list of texts", _all(_is_line), pieces)
NAMES = SettingType("a list of plugin names, none of them twice", _are_names, pieces)
NAME = SettingType("a name of letters, digits, '_', '-' and '.'", is_name)
PATH = SettingType("a path", _is_path, lambda text: os.path.abspath(os.path.expanduser(text)))
FLAG = SettingType("true or false", lambda value: type(value) is bool, _parse_flag)


def setting(default: Any, kind: SettingType, *, env: tuple[str, ...] | None = None) -> Any:
    """Return an attrs field that is a setting; see `checked`."""
    return field(default=default, **checked(kind, env=env))


def checked(
    kind: SettingType, *, env: tuple[str, ...] | None = None, key: str | None = None
) -> dict[str, Any]:
    """Return what makes a setting of a field, checked in whatever way its class is made.

    A field with a converter is written with these, since a type checker learns what the class
    accepts from a converter only where it stands in a `field` of attrs.

    :param env: the variables it is read from; without, `TELEMETRY_` and its name.
    :param key: its name in a file, when that is no name for a field.
    """
    return {"validator": _validate, "metadata": {"kind": kind, "env": env, "key": key}}


def _validate(instance: object, attribute: Attribute[Any], value: Any) -> None:
    kind: SettingType = attribute.metadata["kind"]
    kind.check(value, Origin(type(instance).__name__, attribute.name))


def keys_of(cls: type) -> dict[str, Attribute[Any]]:
    """Return the settings of a class by the key they have in a file."""
    return {
        attribute.metadata["key"] or attribute.name: attribute
        for attribute in fields(cls)
        if "kind" in attribute.metadata
    }


def variables_of(key: str, attribute: Attribute[Any]) -> tuple[str, ...]:
    """Return the environment variables that a setting is read from, the first one winning."""
    names: tuple[str, ...] | None = attribute.metadata["env"]
    return (f"TELEMETRY_{key.upper()}",) if names is None else names


def read_settings(
    cls: type,
    table: Mapping[str, Any],
    environ: Environment,
    origin: Origin,
    groups: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return what the environment, else a table, says of a class's settings, each checked.

    :param groups: further keys that may stand in the table, for others to read.
    """
    settings = keys_of(cls)
    refuse_strangers(table, (*settings, *groups), origin)
    values = {}
    for key, attribute in settings.items():
        kind: SettingType = attribute.metadata["kind"]
        if variable := environ.first(*variables_of(key, attribute)):
            values[attribute.name] = kind.read(variable.text, Origin(variable.name))
        elif key in table:
            values[attribute.name] = kind.check(table[key], origin.at(key))
    return values


def refuse_strangers(table: Mapping[str, Any], known: Collection[str], origin: Origin) -> None:
    """Raise `ConfigError` when a table says something that nobody reads."""
    if strangers := sorted(table.keys() - set(known)):
        raise origin.error(extra_fields(strangers, known))


def extra_fields(strangers: Collection[str], known: Collection[str]) -> str:
    """Say which settings do not exist, and which were perhaps meant."""
    found = f"extra fields found ({', '.join(strangers)})"
    meant = dict.fromkeys(near for name in strangers if (near := nearest(name, known)))
    if meant:
        return f"{found}, did you mean {', '.join(meant)}?"
    return f"{found}, there are {', '.join(known)}" if known else f"{found}, there are none"


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that a misspelt one resembles."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name[:LONGEST_NAME], known, n=1)), None)
