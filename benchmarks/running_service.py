"""The run service as a process of its own over a database of a case."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING

from attrs import define

from benchmarks.keep_alive import HERE, OK, KeepAlive, request

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTS_WITHIN = 30.0
ENDS_WITHIN = 30.0
LOOK_EVERY = 0.002
# As its own start script does, without what `uv run` or a shell adds.
_SERVE = (
    "import sys; sys.argv = ['telemetry', 'serve']; from telemetry_core.cli import main; main()"
)


@define(frozen=True)
class RunningService:
    """A service that has answered.

    :ivar seconds: from the start of its process until it had answered that all is well.
    """

    port: int
    pid: int
    seconds: float

    def peak_mb(self) -> float:
        """Return the most memory that was resident at a time."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("the system does not tell what a process needed")


@contextmanager
def run_service(database: Path) -> Iterator[RunningService]:
    """Have it run as long as the block lasts, with the settings it has by itself."""
    port = _free_port()
    log = database.with_name("service.log")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TELEMETRY_")} | {
        "TELEMETRY_API_PORT": str(port),
        "TELEMETRY_BASE_DIR": str(database.parent),
        "TELEMETRY_DB_PATH": str(database),
        "TELEMETRY_LOCK_FILE": str(database.with_name("service.lock")),
    }
    since = perf_counter()
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            cwd=database.parent,
            env=environ,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(process, port, log)
        yield RunningService(port, process.pid, perf_counter() - since)
    finally:
        _end(process)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = perf_counter() + STARTS_WITHIN
    while not _answers(port):
        if process.poll() is not None:
            raise RuntimeError(f"the service ended: {' '.join(log.read_text()[-300:].split())}")
        if perf_counter() > until:
            raise RuntimeError(f"the service did not answer within {STARTS_WITHIN:.0f} s")
        sleep(LOOK_EVERY)


def _answers(port: int) -> bool:
    with suppress(OSError, RuntimeError):
        connection = KeepAlive(port)
        try:
            connection.socket.sendall(request("GET", "/health"))
            return connection.answer().status in OK
        finally:
            connection.close()
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HERE, 0))
        port: int = free.getsockname()[1]
    return port
