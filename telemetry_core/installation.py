"""The directory for what a user's programs share, and the random id that stands for them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from telemetry_core.errors import ConfigError
from telemetry_core.files import create_file, logger, replace_file
from telemetry_core.ids import random_id

_NAME = "installation_id"
_LONGEST = 64


def state_directory() -> Path:
    """Return where the system has a user's programs keep what they remember.

    Raises `ConfigError` where the user has no home directory.
    """
    from platformdirs import user_state_path

    with suppress(RuntimeError):  # what its later versions say, where earlier ones guess
        path = user_state_path("telemetry", appauthor=False)
        if path.is_absolute():
            return path
    raise ConfigError("base_dir: you have no home directory; set TELEMETRY_BASE_DIR")


def installation_id(directory: str | os.PathLike[str] | None = None) -> str:
    """Return a random UUID that is the same for all programs of this user on this machine.

    It says nothing of either, and is made when it is first asked for. Where nothing can be kept
    it is another one each time.

    :param directory: where it is kept; without, in the user's state directory.
    """
    try:
        path = _path(directory)
        os.makedirs(path.parent, 0o700, exist_ok=True)
        kept = _read(path)
        if kept is None and not path.exists():
            create_file(path, random_id().encode())  # unless another program is quicker
            kept = _read(path)
        return kept or reset_installation_id(directory)
    except (OSError, ConfigError) as error:
        logger.debug("the installation's id cannot be kept: %s", error)
        return random_id()


def reset_installation_id(directory: str | os.PathLike[str] | None = None) -> str:
    """Replace the id, so that nobody can tell what comes now from what came before; return it."""
    new = random_id()
    path = _path(directory)
    os.makedirs(path.parent, 0o700, exist_ok=True)
    replace_file(path, new.encode())
    return new


def _path(directory: str | os.PathLike[str] | None) -> Path:
    return Path(state_directory() if directory is None else directory, _NAME)


def _read(path: Path) -> str | None:
    """Return the id that a file holds, if it holds one."""
    from uuid import UUID

    try:
        with open(path, encoding="ascii") as file:
            return str(UUID(file.read(_LONGEST).strip()))
    except (OSError, ValueError):
        return None
