"""MLflow's own tracking server on a loopback port, over a SQLite file."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from benchmarks.peers.environments import interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
STARTS_WITHIN = 240.0  # it creates its tables first, migration by migration
ENDS_WITHIN = 10.0
_RUNS_ONLY = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # further processes, and nothing to do for them
    "PYTHONPATH": "",
}


@contextmanager
def mlflow_server(directory: str) -> Iterator[str]:
    """Run the server as long as the block lasts; give its address.

    It has one worker process, which serves one client best.
    """
    port = _free_port()
    command = [interpreter("mlflow"), "-m", "mlflow", "server"]
    command += ["--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{Path(directory, 'mlflow.sqlite')}"]
    said = Path(directory, "server.log")
    with said.open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **_RUNS_ONLY},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(server, port, said)
            yield f"http://{LOOPBACK}:{port}"
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()  # so that it ends its own children too
    try:
        server.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port: int = free.getsockname()[1]
    return port


def _wait_for(server: subprocess.Popen[bytes], port: int, said: Path) -> None:
    until = monotonic() + STARTS_WITHIN
    while not _answers(port):
        if server.poll() is not None:
            raise RuntimeError(
                f"MLflow's server ended: {' '.join(said.read_text()[-300:].split())}"
            )
        if monotonic() > until:
            raise RuntimeError(f"MLflow's server did not answer within {STARTS_WITHIN:.0f} s")
        sleep(0.1)


def _answers(port: int) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=5.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
