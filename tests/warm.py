"""Programs of an interpreter that has imported all they need: real ones, soon started.

Each is forked from a process that does nothing but that, and then is what it would be otherwise:
`__main__` with arguments, an environment and pipes of its own, ended as any program is.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
IMPORTED = """
import cattrs, certifi, encodings.idna, filelock, h11, httpcore, httpx, importlib.metadata
import encodings.ascii, encodings.utf_8_sig, importlib.readers, shlex, sqlite3, ssl, tomllib
import telemetry_core.cli.flush, telemetry_core.client, telemetry_core.merging, telemetry_core.sending
import telemetry_ndjson.sink, telemetry_sqlite.sink, telemetry_sqlite.store
import examples.webhook_sink, tests.chaos.file_layer, tests.chaos.programs, tests.chaos.sinks
"""
SERVED = """
import fastapi, httptools, msgspec, pydantic, sqlite3, uvicorn
import uvicorn.lifespan.on, uvicorn.loops.asyncio, uvicorn.protocols.http.httptools_impl
import telemetry_core.cli.app, telemetry_run_service.app, telemetry_run_service.command
import telemetry_run_service.process.running, telemetry_run_service.process.server, telemetry_sqlite.database
"""
MOST = 1 << 20  # bytes of a request
LOOK_EVERY = 0.001
PATIENCE = 60  # seconds, far longer than anything here takes
SERVES = "from tests.warm import next_program; exec(next_program({}), globals())"


class WarmProgram:
    """One program; of `subprocess.Popen` it has what the tests ask for."""

    def __init__(self, interpreter: WarmInterpreter, pid: int, pipes: list[IO[str]]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = pipes
        self._interpreter = interpreter
        self._said = ["", ""]
        self._readers = [
            threading.Thread(target=self._read, args=each, daemon=True)
            for each in enumerate((self.stdout, self.stderr))
        ]

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        if self.returncode is None:
            self.returncode = self._interpreter.ask({"pid": self.pid})["code"]
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a program", timeout)
            time.sleep(LOOK_EVERY)
        return code

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, str]:
        """Read until its end what it says."""
        with suppress(BrokenPipeError):
            self.stdin.close()
        for reader in self._readers:
            if reader.ident is None:
                reader.start()
        for reader in self._readers:
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired("a program", timeout)
        self.wait(timeout)
        return self._said[0], self._said[1]

    def _read(self, number: int, pipe: IO[str]) -> None:
        with pipe:
            self._said[number] = pipe.read()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(9)


class WarmInterpreter:
    """A process that has imported what programs need, and forks one when asked.

    :param imports: the lines that import it.
    """

    def __init__(self, imports: str = IMPORTED) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        source = f"{imports}{SERVES.format(theirs.fileno())}"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-Werror", "-c", source],
                env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def start(self, source: str, *arguments: str, env: Mapping[str, str], cwd: Path) -> WarmProgram:
        """Start a program."""
        ours, theirs = zip(*(os.pipe() for _ in range(3)), strict=True)
        ours, theirs = (theirs[0], *ours[1:]), (ours[0], *theirs[1:])
        request = {"source": source, "arguments": arguments, "env": dict(env), "cwd": str(cwd)}
        try:
            answer = self.ask(request, *theirs)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        pipes = [os.fdopen(end, mode) for end, mode in zip(ours, "wrr", strict=True)]
        return WarmProgram(self, answer["pid"], pipes)

    def ask(self, request: dict[str, Any], *descriptors: int) -> dict[str, Any]:
        """Send a request and return the answer."""
        socket.send_fds(self._channel, [json.dumps(request).encode()], descriptors)
        answer: dict[str, Any] = json.loads(self._channel.recv(MOST))
        return answer

    def end(self) -> None:
        """End the process; programs that still run are not its concern."""
        self._channel.close()
        self._process.wait(PATIENCE)


def next_program(channel: int) -> str:
    """Serve, in the process itself until nobody asks any more; in each child return its source."""
    with socket.socket(fileno=channel) as server:
        while True:
            content, descriptors, _flags, _address = socket.recv_fds(server, MOST, 3)
            if not content:
                return ""
            request = json.loads(content)
            if "pid" in request:
                pid, status = os.waitpid(request["pid"], os.WNOHANG)
                answer = {"code": os.waitstatus_to_exitcode(status) if pid else None}
            elif pid := os.fork():
                answer = {"pid": pid}
            else:
                break
            for descriptor in descriptors:
                os.close(descriptor)
            server.send(json.dumps(answer).encode())
    _become(request, descriptors)
    return str(request["source"])


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.path[1:1] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.argv = ["-c", *request["arguments"]]
