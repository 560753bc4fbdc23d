"""Commands typed with files and at terminals, each in a child of the test's own process."""

from __future__ import annotations

import os
import subprocess
import sys
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from telemetry_core.cli import main
from tests.forked import become, ended, forked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pytest

Typed = subprocess.CompletedProcess[bytes]


def begun(
    arguments: Sequence[str],
    streams: tuple[int, int, int],
    environ: Mapping[str, str],
    directory: Path | str = ".",
) -> int:
    """Start `telemetry` in a child with these descriptors as stdin, stdout and stderr."""

    def command() -> None:
        os.chdir(directory)
        become(*streams, environ=environ)
        sys.argv = ["telemetry", *arguments]
        main()

    return forked(command)


def typed(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    directory: Path | str = ".",
) -> Typed:
    """Run `telemetry` to its end with nothing to read and return what became of it."""
    with open(os.devnull) as nothing, TemporaryFile() as output, TemporaryFile() as errors:
        streams = (nothing.fileno(), output.fileno(), errors.fileno())
        code = ended(begun(arguments, streams, environ, directory))
        output.seek(0)
        errors.seek(0)
        return Typed(arguments, code, output.read(), errors.read())


def shown_by(terminal: int) -> Iterator[bytes]:
    """Give what is written to a terminal until nobody has it open any more."""
    try:
        while part := os.read(terminal, 65_536):
            yield part
    except OSError:  # so Linux says it
        pass
    finally:
        os.close(terminal)


def settle_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test's commands know nothing of whoever runs it, and work in a directory below."""
    for name in os.environ:
        if name.startswith(("TELEMETRY_", "AGENT_", "DO_NOT_TRACK", "NO_COLOR", "FORCE_COLOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    (folder / "work").mkdir()
    monkeypatch.chdir(folder / "work")
