"""One cell of the comparison: a system, a situation, and how many events arrived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from attrs import define, field

from benchmarks.peers.environments import interpreter
from benchmarks.sink_server import SinkServer
from tests.chaos.stage import INSTALLED, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLD = 20
PATIENCE = 60.0  # seconds; what has not ended by then is ended
PROGRAM = Path(__file__).with_name("program.py")
OURS = "ours"
PEERS = ("posthog", "segment", "sentry", "otel", "logfire")
SYSTEMS = (OURS, *PEERS)
MODULES = {OURS: "tests.chaos.peers.ours"}
NEXT = 1_000  # the number of what the next process tells


@define
class Situation:
    """What goes wrong while the first program lives.

    :ivar ending: how it ends.
    :ivar fault: what its server does meanwhile, and `how`.
    """

    name: str
    ending: str = "exit"
    fault: str = ""
    how: Mapping[str, Any] = field(factory=dict)


@define
class Cell:
    """What became of the events of one program.

    :ivar delivered: how many had arrived when it had ended.
    :ivar later: how many had arrived when the next program had ended, whose server was well.
    :ivar twice: how many arrivals were repeated.
    :ivar seconds: from the last call to the end of the program; `None` when it did not end.
    """

    delivered: int
    later: int
    twice: int
    seconds: float | None


HEALTHY = Situation("normal exit")
SITUATIONS = (
    HEALTHY,
    Situation("SIGTERM", "SIGTERM"),
    Situation("SIGKILL", "SIGKILL"),
    Situation("fork, the child ends by `sys.exit`", "fork, sys.exit"),
    Situation("fork, the child ends by `os._exit`", "fork, os._exit"),
    Situation("nobody listens", fault="refused"),
    Situation("accepts and never answers", fault="hang"),
    Situation("503", fault="fail"),
    Situation("413 for more than five events", fault="too_large", how={"events": 5}),
    Situation("stores, and the first answer is lost", fault="lost_answer", how={"times": 1}),
)


def measured(name: str, situation: Situation, directory: Path) -> Cell:
    """Run a program in a situation and another one after it, against a server of their own."""
    with SinkServer() as server:
        if situation.fault:
            server.misbehave(situation.fault, **situation.how)
        seconds = run(name, situation.ending, server.url, directory, TOLD)
        delivered = len(server.counts())
        server.behave()
        run(name, "exit", server.url, directory, 1, NEXT)
        counts = server.counts()
    assert counts.pop(NEXT) == 1, "the next program did not deliver even its own"
    return Cell(delivered, len(counts), counts.total() - len(counts), seconds)


def run(
    name: str, ending: str, url: str, directory: Path, count: int, first: int = 0
) -> float | None:
    """Run a program to its end; return how long that took after its last call, if it came."""
    module, python = MODULES.get(name, f"benchmarks.peers.{name}"), interpreter_of(name)
    command = [python, str(PROGRAM), module, ending, url, str(directory), str(count), str(first)]
    with Path(directory, "said").open("w+b") as said:
        program = subprocess.Popen(
            command,
            cwd=directory,
            env=surroundings(directory),
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            program.wait(PATIENCE)
            ended = monotonic()
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_group(program)
        said.seek(0)
        return ended - float(said.read())


def interpreter_of(name: str) -> str:
    """Return the interpreter that has what a system requires."""
    return sys.executable if name == OURS else interpreter(name)


def surroundings(directory: Path) -> dict[str, str]:
    """Return an environment in which nothing of the machine, or of a test session, is set."""
    path = os.pathsep.join((str(ROOT), str(INSTALLED)))
    return {"PATH": os.defpath, "HOME": str(directory), "PYTHONPATH": path, "NO_PROXY": "*"}


def end_group(program: subprocess.Popen[bytes]) -> None:
    """End a program and the children that it left."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()
