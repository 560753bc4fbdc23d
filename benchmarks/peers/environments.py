"""Throw-away environments: one for each contender that needs more than we have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.cases import last_words
from benchmarks.peers.contender import module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

VARIABLE = "BENCHMARK_ENVIRONMENTS"  # tells the cases, which are processes, where they stand
_LISTED = "requirements.txt"
_LIMIT = 300.0


@contextmanager
def environments(names: Iterable[str], directory: str | None = None) -> Iterator[Mapping[str, str]]:
    """Make the environments of contenders; give those that could not be made, and why.

    :param directory: where they stand and stay, and are used again by the next run; without it
        they are deleted at the end.
    """
    if directory is not None:
        yield _made(names, Path(directory).resolve())
        return
    with TemporaryDirectory(prefix="telemetry-environments-") as temporary:
        yield _made(names, Path(temporary))


def interpreter(name: str) -> str:
    """Return the interpreter that has what a contender requires."""
    if not module(name).REQUIREMENTS:
        return sys.executable
    return str(_python(Path(os.environ[VARIABLE], name)))


def fresh(place: Path, requirements: tuple[str, ...]) -> str:
    """Make an environment with what is required; return its interpreter.

    Raises `OSError` or `SubprocessError` when that cannot be done.
    """
    _make(place, requirements)
    return str(_python(place))


def _made(names: Iterable[str], directory: Path) -> dict[str, str]:
    os.environ[VARIABLE] = str(directory)
    failed = {}
    for name in names:
        try:
            _make(directory / name, module(name).REQUIREMENTS)
        except (OSError, subprocess.SubprocessError) as error:
            failed[name] = _reason(error)
    return failed


def _make(place: Path, requirements: tuple[str, ...]) -> None:
    listed = place / _LISTED
    wanted = "\n".join((sys.version, *requirements))
    if not requirements or (listed.is_file() and listed.read_text(encoding="utf-8") == wanted):
        return
    shutil.rmtree(place, ignore_errors=True)
    if uv := shutil.which("uv"):
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(place))
        _run(uv, "pip", "install", "--quiet", "--python", str(_python(place)), *requirements)
    else:
        _run(sys.executable, "-m", "venv", str(place))
        _run(str(_python(place)), "-m", "pip", "install", "--quiet", *requirements)
    listed.write_text(wanted, encoding="utf-8")


def _python(place: Path) -> Path:
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT)


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return last_words(str(error.stderr)) or str(error)
    return str(error)
