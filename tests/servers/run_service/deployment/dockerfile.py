"""Does what a Dockerfile says without a container engine: below a folder, with this machine's tools."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[4]
SERVICE = ROOT / "servers" / "run_service"
PLACES = re.compile(r"(?<![\w./-])/(?=(?:source|wheels|opt|data)\b)")
CONTINUED = re.compile(r"\\\n(?:\s*#.*\n)*")


class Instruction(NamedTuple):
    """One instruction: its word, and the rest of its line."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The rest as the words of a command, from either form."""
        return list(json.loads(self.rest)) if self.rest.startswith("[") else shlex.split(self.rest)


def instructions(path: Path = SERVICE / "Dockerfile") -> list[Instruction]:
    """Return what stands in a Dockerfile, in its order."""
    lines = CONTINUED.sub(" ", path.read_text("utf-8")).splitlines()
    told = (line.strip().partition(" ") for line in lines if line.strip()[:1] not in {"", "#"})
    return [Instruction(word, rest.strip()) for word, _, rest in told]


def final(word: str) -> list[Instruction]:
    """Return the instructions of a kind that the image itself, its last stage, has."""
    every = instructions()
    last = max(number for number, each in enumerate(every) if each.word == "FROM")
    return [each for each in every[last:] if each.word == word]


@define
class Image:
    """An image that was built, and what runs in it; the container's own places lie below `root`.

    All stages share them: an environment of Python is whole at one place only.
    """

    root: Path
    environ: dict[str, str] = field(factory=dict)
    _at: Path = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._at = self.root

    def here(self, text: str) -> str:
        """Return a text in which the container's places are the ones of this machine."""
        return PLACES.sub(f"{self.root}/", text)

    def build(self) -> None:
        """Follow the instructions one after the other."""
        for each in instructions():
            step = getattr(self, f"_{each.word.lower()}", None)
            if step is not None:
                step(each)

    def processes(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of what runs in it: the image's own, and what compose adds."""
        return {"HOME": "/", **self.environ, **{k: self.here(v) for k, v in settings.items()}}

    def files(self) -> set[Path]:
        """Return what is installed, which nothing that runs may change."""
        return set((self.root / "opt").rglob("*"))

    def _workdir(self, told: Instruction) -> None:
        self._at = Path(self.here(told.rest))
        self._at.mkdir(parents=True, exist_ok=True)

    def _env(self, told: Instruction) -> None:
        pairs = (pair.partition("=") for pair in told.words)
        self.environ |= {name: self.here(value) for name, _, value in pairs}

    def _copy(self, told: Instruction) -> None:
        *sources, target = told.words
        if sources[0].startswith("--from="):
            assert sources[1:] == [target]  # it is there: all stages share their places
            return
        to = self._at / target
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, to)

    def _run(self, told: Instruction) -> None:
        if told.rest == "pip install --no-cache-dir uv" and shutil.which("uv"):
            return
        command = self.here(told.rest)
        if os.getuid():  # only root may give a folder away
            command = command.replace("=1000", f"={os.getuid()}")
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self._at,
            env=dict(_tools()),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _tools() -> Iterator[tuple[str, str]]:
    """Give the environment of a build: this machine's, with the Python of the tests."""
    ours = ("PYTHON", "PYTEST_", "TELEMETRY_", "VIRTUAL_ENV", "UV_PROJECT")
    yield from ((name, value) for name, value in os.environ.items() if not name.startswith(ours))
    yield "UV_PYTHON", sys.executable
