"""Other programs beside a test: started, killed at a statement, or forked to meet with an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DIES = """
import os, signal
from telemetry_sqlite import database

connect, left = database.connect, iter(range({}))

def step(statement):
    if next(left, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)

def connected(*arguments):
    connection = connect(*arguments)
    connection.set_trace_callback(step)
    return connection

database.connect = connected
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program, to which one can speak."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_at(statement: int, script: str, *arguments: object) -> None:
    """Run a program that is killed as its writer begins the statement of this number."""
    with python(_DIES.format(statement) + script, *arguments) as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL


def outcome_in_child(act: Callable[[], object], prepare: Callable[[], object]) -> str:
    """Return the error that `act` ends with in a forked child that was prepared, or `none`."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            prepare()
            act()
            os.write(write, b"none")
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer
