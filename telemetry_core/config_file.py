"""Finds the file that speaks for a program, and reads it when it belongs to the user."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry_core.errors import ConfigError
from telemetry_core.settings import Origin

if TYPE_CHECKING:
    from telemetry_core.credentials import Environment

OWN_FILE = "telemetry.toml"
PROJECT_FILE = "pyproject.toml"
_TABLE_IN_PROJECT = ("tool", "telemetry")


class ConfigFile(NamedTuple):
    """What a file says.

    :ivar trusted: the user named it; one that was found by searching came with the directory.
    """

    path: Path
    table: dict[str, Any]
    trusted: bool


def table_in(path: Path) -> tuple[str, ...]:
    """Return the keys that lead to our settings in a file; none in one that is ours alone."""
    return _TABLE_IN_PROJECT if path.name == PROJECT_FILE else ()


def origin_of(path: Path) -> Origin:
    """Return where the settings of a file begin in it."""
    return Origin(str(path), ".".join(("$", *table_in(path))))


def find_config(
    path: str | os.PathLike[str] | None,
    environ: Environment,
    search_from: str | os.PathLike[str] | None,
) -> ConfigFile | None:
    """Return the named file, else the one in `TELEMETRY_CONFIG`, else the nearest one upwards.

    Raises `ConfigError` when a named file is missing, or when one is not the user's or not TOML.
    """
    named = path if path is not None else environ.text("TELEMETRY_CONFIG")
    if named is not None:
        return _read_named(os.path.expanduser(named))
    return None if search_from is None else _nearest(search_from)


def _read_named(name: str) -> ConfigFile:
    path = _absolute(name)
    table = _load(path)
    if table is None:
        table_in_it = ", or no table [tool.telemetry] in it" if path.name == PROJECT_FILE else ""
        raise ConfigError(f"{path}: there is no such file{table_in_it}; correct the path")
    return ConfigFile(path, table, trusted=True)


def _nearest(search_from: str | os.PathLike[str]) -> ConfigFile | None:
    try:
        start = _absolute(os.fspath(search_from))
    except ConfigError:  # the working directory was removed: nothing is near
        return None
    for folder in (start, *start.parents):
        for name in (OWN_FILE, PROJECT_FILE):
            table = _load(folder / name)
            if table is not None:
                return ConfigFile(folder / name, table, trusted=False)
    return None


def _absolute(name: str) -> Path:
    try:
        return Path(os.path.abspath(name))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name!r} is not a path that can be followed: {error}") from None


def _load(path: Path) -> dict[str, Any] | None:
    """Return the settings in a file of the user's; nothing when it is not there or has none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            data = file.read()
            owner = os.fstat(file.fileno()).st_uid
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: it cannot be read: {error}") from None
    table = settings_in(path, data)
    if table is not None:
        _refuse_another_users(path, owner)
    return table


def _refuse_another_users(path: Path, owner: int) -> None:
    user = getattr(os, "geteuid", lambda: owner)()
    if owner not in {user, 0}:
        raise ConfigError(
            f"{path}: it belongs to user {owner}, and you are user {user}; a configuration decides "
            f"where your data goes, so own it (chown {user}) or work in another directory"
        )


def settings_in(path: Path, data: bytes) -> dict[str, Any] | None:
    """Return the settings in a file's content; nothing when a project's has no table of ours.

    Raises `ConfigError` when it is not TOML.
    """
    if path.name != PROJECT_FILE:
        return _parse(path, data)
    if b"telemetry" not in data:  # most projects' files: not worth the reading
        return None
    document = _parse(path, data)
    tools = document.get("tool")
    table = tools.get("telemetry") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise origin_of(path).error("expected a table")
    return table


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    from tomllib import TOMLDecodeError, loads

    try:
        return loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from None
    except TOMLDecodeError as error:
        raise ConfigError(f"{path}: this is not TOML: {error}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: this is more than TOML may hold: {error}") from None
