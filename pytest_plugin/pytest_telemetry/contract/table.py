"""Writes the settings of a sink down as a user would: in a telemetry.toml, for a name."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import attrs

from pytest_telemetry.contract.author import unchecked
from pytest_telemetry.contract.rules import FROM_TABLE
from telemetry_core import NAME, Secret

UNREGISTERED = "sink_of_this_contract"
OFFERED = "clock"  # the core's own, which no table holds


def fields_of(sink: Any) -> dict[str, Any]:
    """Return the fields of a sink that make it, by their names as arguments."""
    if not attrs.has(type(sink)):
        raise unchecked("make it an attrs class; a plain object has no settings")
    return {
        field.alias: getattr(sink, field.name) for field in attrs.fields(type(sink)) if field.init
    }


def telemetry_toml(sink: object, name: str, base_dir: Path) -> str:
    """Return a configuration with this sink, by its settings."""
    settings = {
        key: value for key, value in fields_of(sink).items() if key != OFFERED and value is not None
    }
    lines = [f"{key} = {_toml(key, value)}" for key, value in settings.items()]
    return "\n".join(
        [
            f"active = [{json.dumps(name)}]",
            f"base_dir = {json.dumps(str(base_dir))}",
            'on_error = "raise"',
            f"[plugins.{name}]",
            *lines,
            "",
        ]
    )


def name_of(cls: type) -> str | None:
    """Return the entry point that stands for a class, if one does."""
    package = cls.__module__.partition(".")[0]
    for offer in entry_points(group=NAME):
        with suppress(Exception):  # what cannot be imported is not this class
            if offer.module.partition(".")[0] == package and offer.load() is cls:
                return offer.name
    return None


def install(cls: type, site: Path) -> str:
    """Write the metadata of a distribution that offers the class; return the name it has there."""
    value = f"{cls.__module__}:{cls.__qualname__}"
    try:
        reached = EntryPoint(UNREGISTERED, value, NAME).load()
    except (ImportError, AttributeError):
        reached = None
    if reached is not cls:
        raise unchecked(f"define {cls.__name__} where `{value}` can be imported")
    metadata = site / "sink_of_this_contract-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: sink-of-this-contract\nVersion: 1\n"
    )
    (metadata / "entry_points.txt").write_text(f"[{NAME}]\n{UNREGISTERED} = {value}\n")
    return UNREGISTERED


def _toml(name: str, value: Any) -> str:
    if isinstance(value, Secret):
        value = value.reveal()
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(name, one) for one in value)}]"
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        pairs = (f"{json.dumps(key)} = {_toml(name, one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if type(value) not in {str, bool, int, float}:
        FROM_TABLE.broken(f"`{name}` is {value!r}, which no table can hold")
    return json.dumps(value, ensure_ascii=False)
