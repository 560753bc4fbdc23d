"""Remembers a sink's circuit and pause for the next process and for `telemetry status`."""

from __future__ import annotations

import hashlib
import json
import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
from attrs import define, field

from telemetry_core.clock import NS_PER_SECOND
from telemetry_core.credentials import Secret
from telemetry_core.files import NONSENSE, PRIVATE, give_up_file, replace_file
from telemetry_core.ids import random_id
from telemetry_core.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from telemetry_core.clock import Clock

_log = get_logger("telemetry_core.state")

_LONGEST_ERROR = 300
_SALT = ".salt"
_LONGEST_SALT = 64


@define(frozen=True)
class Pause:
    """Why a sink is left alone, and for how many seconds."""

    seconds: float
    code: str = ""
    reason: str = ""
    destination: bool = False  # nothing but the destination itself was found to be at fault


@define(frozen=True)
class Saved:
    """What an earlier process left behind."""

    pause: Pause | None = None
    circuit: Mapping[str, Any] = field(factory=dict)
    last_error: str = ""


def fingerprint(destination: str | None, plugin: object) -> str:
    """Return a mark that changes when the destination or a setting, also a secret one, does.

    It is not for writing down: a short secret could be guessed from it.
    """
    parts = [type(plugin).__name__, repr(destination)]
    settings: type[Any] = type(plugin)
    if attrs.has(settings):
        for attribute in attrs.fields(settings):
            value = getattr(plugin, attribute.name, None)
            # A clock and a function are shown with their place in memory, another in each process.
            if attribute.init and attribute.name != "clock" and not callable(value):
                shown = value.reveal() if isinstance(value, Secret) else repr(value)
                parts.append(f"{attribute.name}={shown}")
    text = "\x00".join(parts).encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=8, person=b"telemetry").hexdigest()


class SinkState:
    """One sink's file in `<base_dir>/state`; it is there only while something is wrong.

    No method raises: what cannot be written is not remembered, what cannot be read is set aside.
    The key stands in it hashed with random bytes that are in another file of the same directory,
    so that the file, shown to somebody, gives no secret away to guesses.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._written = False

    def load(self, key: str) -> Saved:
        """Return what was saved under this key; nothing once destination or settings changed.

        The time since counts against the pause and the circuit, and a clock that went back makes
        neither longer than it was.
        """
        read = self._read()
        if read is None:
            return Saved()
        self._written = True
        saved_key, saved = read
        try:
            return saved if saved_key == self._salted(key) else Saved()
        except OSError:
            return Saved()

    def look(self) -> Saved | None:
        """Return what is saved under whichever key, or nothing when all is well."""
        read = self._read()
        return None if read is None else read[1]

    def save(
        self, key: str, circuit: Mapping[str, Any], pause: Pause | None, last_error: str = ""
    ) -> None:
        """Write all of it down, replacing the file in one step."""
        data = {
            "time": self._clock.time_ns(),
            "circuit": dict(circuit),
            "pause": None if pause is None else attrs.asdict(pause),
            "last_error": " ".join(last_error.split())[:_LONGEST_ERROR],
        }
        self._written = False
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            data["key"] = self._salted(key)
            self._written = replace_file(self._path, json.dumps(data).encode())
        except (OSError, ValueError) as error:
            _log.debug("the state of a sink was not written to %s: %s", self._path, error)

    def clear(self) -> None:
        """Forget everything: all is well, or somebody wants the sink to try again."""
        self._written = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.debug("the state of a sink was not removed from %s: %s", self._path, error)

    def cleared(self) -> bool:
        """Whether another process removed what this one saved."""
        if not self._written:
            return False
        try:
            self._path.stat()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return False

    def _salted(self, key: str) -> str:
        """Hash a key with this installation's own random bytes. Raises `OSError`."""
        path = self._path.with_name(_SALT)
        with suppress(FileExistsError):  # whoever came first made it for all of them
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(random_id())
        salt = path.read_bytes()[:_LONGEST_SALT]
        return hashlib.blake2b(key.encode(), digest_size=16, key=salt).hexdigest()

    def _read(self) -> tuple[str, Saved] | None:
        """Return the key and what was saved under it; what cannot be read is set aside."""
        try:
            return self._parse(json.loads(self._path.read_bytes()))
        except OSError:
            return None
        except NONSENSE:
            give_up_file(self._path, "the sink is tried again")
            return None

    def _parse(self, data: Any) -> tuple[str, Saved]:
        gone = max(0.0, (self._clock.time_ns() - int(data["time"])) / NS_PER_SECOND)
        circuit = dict(data["circuit"])
        if circuit:
            circuit["retry_in"] = max(0.0, float(circuit["retry_in"]) - gone)
        pause = None if data["pause"] is None else Pause(**data["pause"])
        if pause is not None:
            if not math.isfinite(pause.seconds):
                raise ValueError(f"a pause of {pause.seconds} seconds")
            pause = attrs.evolve(pause, seconds=max(0.0, pause.seconds - gone))
        return data["key"], Saved(pause, circuit, str(data.get("last_error", "")))
