"""A program that tells some events to whichever system and ends in whichever way.

`python program.py MODULE ENDING URL DIRECTORY COUNT FIRST`, run by the system's own interpreter
with the clone's root as `PYTHONPATH`; it says when all was told.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING

from benchmarks.story import marked

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.contender import Contender

OF_THE_CHILD = 5


def end_normally() -> None:
    """End as programs do: what a system does at the exit, it does by itself."""


def kill() -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def terminate() -> None:
    """Be asked to end, without a handler for it."""
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()


def leave() -> None:
    """End at once, as the children of some servers do."""
    os._exit(0)


ENDINGS: dict[str, Callable[[], None]] = {
    "exit": end_normally,
    "SIGKILL": kill,
    "SIGTERM": terminate,
}
CHILD_ENDINGS: dict[str, Callable[[], object]] = {
    "fork, sys.exit": sys.exit,
    "fork, os._exit": leave,
}


def main(module: str, ending: str, url: str, directory: str, count: str, first: str) -> None:
    """Tell and end."""
    contender: Contender = import_module(module).begin(url, directory, None)
    events = list(marked(int(count), int(first)))
    child = CHILD_ENDINGS.get(ending)
    own = events if child is None else events[:-OF_THE_CHILD]
    for properties in own:
        contender.tell(properties)
    sys.stdout.write(f"{monotonic()}")
    sys.stdout.flush()
    if child is None:
        ENDINGS[ending]()
    else:
        fork(contender, events[-OF_THE_CHILD:], child)


def fork(contender: Contender, events: list[dict[str, object]], end: Callable[[], object]) -> None:
    """Have a child tell the last of them and end, and wait for it."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    for properties in events:
        contender.tell(properties)
    end()


if __name__ == "__main__":
    main(*sys.argv[1:])
