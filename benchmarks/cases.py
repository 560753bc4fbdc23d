"""Runs one case in a process of its own and reads its figures back."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from subprocess import PIPE, Popen, TimeoutExpired
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Figures = dict[str, float]

LIMIT = 180.0  # seconds; a case takes a few


class CaseError(Exception):
    """A case could not be measured; the message says why."""


def run_case(section: str, case: str, limit: float = LIMIT) -> Figures:
    """Return the figures of a case, measured by a fresh interpreter in an empty directory."""
    with TemporaryDirectory(prefix="telemetry-benchmark-") as directory:
        return run_together(section, case, directory, 1, limit)[0]


def run_together(
    section: str, case: str, directory: str, processes: int, limit: float = LIMIT
) -> list[Figures]:
    """Return the figures of several interpreters that measure a case at once in one directory.

    Raises `CaseError` when one of them fails or takes too long; none outlives this call.
    """
    command = [sys.executable, "-m", "benchmarks.cases", section, case, directory]
    with ExitStack() as stack:
        running = [stack.enter_context(_started(command, directory)) for _ in range(processes)]
        return [_figures(process, limit) for process in running]


@contextmanager
def _started(command: Sequence[str], directory: str) -> Iterator[Popen[str]]:
    """Have a program run in a group of its own, so that what it started ends with it.

    What it and the peers leave among temporary files is deleted with the directory.
    """
    surroundings = {**os.environ, "TMPDIR": directory}
    process = Popen(
        command, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True, env=surroundings
    )
    try:
        yield process
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.communicate()


def _figures(process: Popen[str], limit: float) -> Figures:
    try:
        said, complained = process.communicate(timeout=limit)
    except TimeoutExpired as error:
        raise CaseError(f"not done after {limit:.0f} s") from error
    if process.returncode:
        raise CaseError(last_words(complained) or f"it ended with {process.returncode}")
    return cast("Figures", json.loads(said.splitlines()[-1]))


def last_words(text: str) -> str:
    """Return the last line that a failed program said, which tells most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


if __name__ == "__main__":
    _section, _case, _directory = sys.argv[1:]
    _measure = import_module(f"benchmarks.sections.{_section}").CASES[_case]
    print(json.dumps(_measure(_directory)))
