"""Other programs beside a test: started, killed at a statement, or forked to meet with an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from telemetry_sqlite import database

from tests.forked import ended, forked, kill_myself

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

# Says the number of each event once its sink has it.
_WRITES = """
import sys
from telemetry_core.models import RunEvent
from telemetry_core.records import Batch, Kind, Lane, Record
from telemetry_sqlite import SqliteSink

sink = SqliteSink(db_path=sys.argv[1])
for number in range(100_000):
    event = RunEvent(f"{sys.argv[2]}-{number}", "tick", 2 * 10**18)
    record = Record(event.event_id, Kind.EVENT, 0, 0, Lane.STANDARD, event)
    if sink.ship_batch(Batch((record,))).delivered:
        print(event.event_id, flush=True)
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program, to which one can speak."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_at(statement: int, act: Callable[[], object]) -> None:
    """Do this in a child that is killed as its writer begins the statement of this number."""
    assert ended(forked(lambda: _act_until(statement, act))) == -signal.SIGKILL


def _act_until(statement: int, act: Callable[[], object]) -> None:
    connect, left = database.connect, iter(range(statement))

    def step(_: str) -> None:
        if next(left, None) is None:
            kill_myself()

    def connected(*arguments: Any, **settings: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **settings)
        connection.set_trace_callback(step)
        return connection

    database.connect = connected
    act()


@contextmanager
def repeated(act: Callable[[], object]) -> Iterator[None]:
    """Do this again and again in a child, which is killed in the end."""

    def repeat() -> None:
        while True:
            act()

    child = forked(repeat)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        assert ended(child) == -signal.SIGKILL


class Writer:
    """Another program, whose sink writes into a database without a pause."""

    def __init__(self, database: str, name: str) -> None:
        self._process = python(_WRITES, database, name)

    def said(self) -> str:
        """Wait for the next event that its sink has, and return its id."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def stop(self) -> set[str]:
        """Kill the program and return the ids that nobody has read yet."""
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        return set(self._process.stdout.read().split())

    def end(self) -> None:
        """Leave nothing of the program."""
        self._process.kill()
        with self._process:
            pass


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
