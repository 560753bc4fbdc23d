"""Commands typed at a terminal, each in a child of the test's own process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from telemetry_core.cli import main
from tests.forked import become, forked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def typed(
    arguments: Sequence[str], streams: tuple[int, int, int], environ: Mapping[str, str]
) -> int:
    """Start `telemetry` in a child with these descriptors as stdin, stdout and stderr."""

    def command() -> None:
        become(*streams, environ=environ)
        sys.argv = ["telemetry", *arguments]
        main()

    return forked(command)


def shown_by(terminal: int) -> Iterator[bytes]:
    """Give what is written to a terminal until nobody has it open any more."""
    try:
        while part := os.read(terminal, 65_536):
            yield part
    except OSError:  # so Linux says it
        pass
    finally:
        os.close(terminal)
