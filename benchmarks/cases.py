"""Runs one case in a process of its own and reads its figures back."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from importlib import import_module
from subprocess import PIPE, CalledProcessError, Popen
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    Figures = dict[str, float]

LIMIT = 120  # seconds; a case takes a few


def run_case(section: str, case: str) -> Figures:
    """Return the figures of a case, measured by a fresh interpreter in an empty directory."""
    with TemporaryDirectory(prefix="telemetry-benchmark-") as directory:
        return run_together(section, case, directory, 1)[0]


def run_together(section: str, case: str, directory: str, processes: int) -> list[Figures]:
    """Return the figures of several interpreters that measure a case at once in one directory.

    Raises `CalledProcessError` when one of them fails.
    """
    command = [sys.executable, "-m", "benchmarks.cases", section, case, directory]
    running = [Popen(command, stdout=PIPE) for _ in range(processes)]
    said = [process.communicate(timeout=LIMIT)[0] for process in running]
    for process in running:
        if process.returncode:
            raise CalledProcessError(process.returncode, command)
    return [cast("Figures", json.loads(text)) for text in said]


@contextmanager
def helper(module: str, *arguments: str) -> Iterator[str]:
    """Have a module run beside us as long as the block lasts; give the first line it says."""
    with Popen([sys.executable, "-m", module, *arguments], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    _section, _case, _directory = sys.argv[1:]
    _measure = import_module(f"benchmarks.sections.{_section}").CASES[_case]
    print(json.dumps(_measure(_directory)))
