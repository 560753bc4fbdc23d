"""Secrets, which are never printed, and the two places they come from: the environment and files."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from telemetry_core.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MASK = "<secret>"
_LARGEST_FILE = 65_536
_NO = frozenset({"", "0", "false", "no"})


class Secret:
    """A text that shows itself only to `reveal`: not to repr, str, format, JSON or pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def of(cls, text: str | Self) -> Self:
        """Return a secret as it is and a plain text as a secret; fits as an attrs converter."""
        return text if isinstance(text, cls) else cls(str(text))

    def reveal(self) -> str:
        """Return the text itself, for the one line that sends or signs with it."""
        return self._text

    def __repr__(self) -> str:
        return _MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled; let the other process read it from its source")


class Variable(NamedTuple):
    """An environment variable that is set."""

    name: str
    text: str


class Environment:
    """The variables of a program, an empty one counting as not set.

    Never printed, because they hold secrets; a pickled one reads the environment it arrives in.
    """

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def first(self, *names: str) -> Variable | None:
        """Return the first of these variables that is set."""
        for name in names:
            if text := self._variables.get(name, "").strip():
                return Variable(name, text)
        return None

    def text(self, *names: str) -> str | None:
        """Return the text of the first of these variables that is set."""
        variable = self.first(*names)
        return variable.text if variable else None

    def names(self) -> set[str]:
        """Return the names of all variables."""
        return set(self._variables)

    def says_yes(self, name: str) -> bool:
        """Tell whether a switch is on: set, and neither 0, false nor no."""
        return (self.text(name) or "").lower() not in _NO

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()


class SecretReader(NamedTuple):
    """Turns what a settings table says of a secret into the secret.

    :ivar folder: what a relative `file` is relative to.
    :ivar confined: the table stands in a file that came with the working directory; it may not
        reach for files outside its own folder, such as the credentials in the user's home.
    """

    environ: Environment
    folder: Path
    confined: bool = False

    def read(self, value: object) -> Secret:
        """Return the secret of a text, of `{ env = "NAME" }` or of `{ file = "path" }`.

        Raises `CredentialError`, which never holds the secret.
        """
        match value:
            case Secret():
                return value
            case str() if value:
                return Secret(value)
            case {"env": str(name), **rest} if name and not rest:
                return self._from_variable(name)
            case {"file": str(name), **rest} if name and not rest:
                return self._from_file(name)
        raise CredentialError('expected a text, { env = "NAME" } or { file = "path" }')

    def _from_variable(self, name: str) -> Secret:
        text = self.environ.text(name)
        if text is None:
            raise CredentialError(f"the environment variable {name} is not set; export it")
        return Secret(text)

    def _from_file(self, name: str) -> Secret:
        path = self.folder / os.path.expanduser(name)
        try:
            if self.confined and not path.resolve().is_relative_to(self.folder.resolve()):
                raise CredentialError(
                    f"{name} lies outside {self.folder}, and a configuration found in the working "
                    "directory may not reach there; name this configuration in TELEMETRY_CONFIG "
                    "if you trust it"
                )
            text = _read_file(path)
        except (OSError, ValueError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise CredentialError(f"the file {name} cannot be read: {why}") from None
        if not text:
            raise CredentialError(f"the file {name} is empty; write the secret into it")
        return Secret(text)


def _read_file(path: Path) -> str:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a regular file")
    if status.st_size > _LARGEST_FILE:
        raise ValueError(f"it is larger than {_LARGEST_FILE} bytes")
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
