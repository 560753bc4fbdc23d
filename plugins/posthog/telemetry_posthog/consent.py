"""The choice a user has stored, and the id that stands for him: `telemetry.yaml`, two keys.

Other programs write the same file, so that what is written here is theirs to the byte. YAML has
many ways to say these two; what is none of the plain ones says no.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

from attrs import define

from telemetry_core import ConfigError, create_file, get_logger, replace_file

_logger = get_logger("telemetry_posthog.consent")

_LONGEST = 4096
_LINE = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+(.*))?")
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_CHOICES = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


@define(frozen=True)
class Consent:
    """What a user has stored.

    :ivar telemetry: whether he agrees; a file that cannot be read says no.
    :ivar id: who he is; nothing where the file does not say.
    """

    telemetry: bool = False
    id: str | None = None

    @classmethod
    def stored(cls, path: str | os.PathLike[str]) -> Self:
        """Return what a file says; where there is none yet, agree under a new id, and store that.

        Never raises. What cannot be read, or stored, is no consent, and is left as it is.
        """
        path = os.path.expanduser(path)
        try:
            if not os.path.lexists(path):
                os.makedirs(os.path.dirname(os.path.abspath(path)), 0o700, exist_ok=True)
                create_file(Path(path), _written(str(uuid4()), telemetry=True))
            return cls(*_read(path))
        except (OSError, ValueError) as error:
            _logger.debug("%s holds no consent: %s", path, error)
            return cls()

    @classmethod
    def store(cls, path: str | os.PathLike[str], *, telemetry: bool) -> Self:
        """Store a choice, under the id that is there; raises `ConfigError` where that is damaged."""
        path = os.path.expanduser(path)
        try:
            _, user = _read(path) if os.path.lexists(path) else (False, None)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} is damaged ({error}); delete or mend it") from None
        chosen = cls(telemetry, user or str(uuid4()))
        os.makedirs(os.path.dirname(os.path.abspath(path)), 0o700, exist_ok=True)
        if not replace_file(Path(path), _written(chosen.id, telemetry=telemetry)):
            raise ConfigError(f"{path} cannot be written; the choice is not stored")
        return chosen


def _written(user: str | None, *, telemetry: bool) -> bytes:
    return f"id: {user}\ntelemetry: {'true' if telemetry else 'false'}\n".encode()


def _read(path: str | os.PathLike[str]) -> tuple[bool, str | None]:
    """Return the two values of a file; raises `ValueError` for one that is not as it should be."""
    with open(path, "rb") as file:
        text = file.read(_LONGEST + 1)
    if len(text) > _LONGEST:
        raise ValueError("it is too large")
    found: dict[str, str] = {}
    for line in text.decode("utf-8").removeprefix("\ufeff").splitlines():
        content = _COMMENT.sub("", line).rstrip()
        if content in {"", "---", "..."}:
            continue
        said = _LINE.fullmatch(content)
        if said is None or said[1] in found:
            raise ValueError(f"nobody can say what {line[:80]!r} means")
        found[said[1]] = said[2] or ""
    if found.get("telemetry") not in _CHOICES:
        raise ValueError("its `telemetry` is neither true nor false")
    user = found.get("id")
    known = None if user is None else str(UUID(_unquoted(user)))
    return _CHOICES[found["telemetry"]], known


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text
