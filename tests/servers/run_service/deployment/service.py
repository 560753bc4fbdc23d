"""A run service as a process of its own: started, spoken to, stopped, killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from tests.warm import WarmInterpreter, WarmProgram

ROOT = Path(__file__).parents[4]
HERE = "127.0.0.1"
PATIENCE = 60.0  # seconds; far longer than anything here takes
LOOK_EVERY = 0.02
COMMAND = """
import sys
from telemetry_core.cli import main
sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # now others
main()
"""
FORKED = f"""
import os, sys
log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.dup2(log, 1), os.dup2(log, 2)
{COMMAND}
"""
TELEMETRY = str(Path(sys.executable).with_name("telemetry"))


class Service:
    """One, for as long as the block lasts; its last lines are told when something goes wrong.

    :param warm: what forks it; without, it is an interpreter of its own, started by the command.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        warm: WarmInterpreter | None = None,
    ) -> None:
        self.port = int(environ["TELEMETRY_API_PORT"])
        self._command, self._environ, self._folder, self._warm = command, environ, folder, warm
        self._log = folder.parent / f"{folder.name}.log"
        self._process: subprocess.Popen[bytes] | WarmProgram | None = None

    @classmethod
    def beside(cls, folder: Path, warm: WarmInterpreter | None = None, **settings: str) -> Self:
        """Return the service of the code under test, with its database in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        own = {
            "TELEMETRY_API_PORT": free_port(),
            "TELEMETRY_BASE_DIR": str(folder),
            "TELEMETRY_DB_PATH": str(folder / "telemetry.sqlite"),
            "TELEMETRY_LOCK_FILE": str(folder / "telemetry.lock"),
        }
        return cls([TELEMETRY, "serve"], {**bare(folder), **own, **settings}, folder, warm)

    def __enter__(self) -> Self:
        environ = dict(self._environ)
        if self._warm is not None:
            told = (str(self._log), *self._command[1:])
            self._process = self._warm.start(FORKED, *told, env=environ, cwd=self._folder)
            return self
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        if exc is not None:
            exc.add_note(self.said())

    @property
    def url(self) -> str:
        """Where programs find it."""
        return f"http://{HERE}:{self.port}"

    @property
    def database(self) -> str:
        """The file that it serves."""
        return self._environ["TELEMETRY_DB_PATH"]

    def ready(self) -> Self:
        """Wait until it answers that all is well."""
        self.wait_until(lambda: self.get("/health")[0] == 200, "it is healthy")
        return self

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something, but not for a process that has ended."""
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while not _quietly(holds):
            assert self._process.poll() is None, f"it ended with {self._process.returncode}"
            assert time.monotonic() < deadline, f"waited in vain until {what}"
            time.sleep(LOOK_EVERY)

    def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the document of an answer."""
        return self._ask("GET", path)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Send a document; return the status and the document of the answer."""
        return self._ask("POST", path, json.dumps(body))

    def tell_a_run(self, event_id: str) -> str:
        """Tell of a run; return whether it was `created` or a `duplicate`."""
        status, answer = self.post("/api/v1/runs", a_run(event_id))
        assert status in {200, 201}, answer
        return str(answer["status"])

    def stop(self, name: str = "SIGTERM", within: float = PATIENCE) -> int:
        """Send a signal and return the exit code, which has to be there in time."""
        assert self._process is not None
        self._process.send_signal(getattr(signal, name))
        return self._process.wait(within)

    def end(self) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """Kill it, if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def said(self) -> str:
        """Return what it has written."""
        return self._log.read_text("utf-8", errors="replace")

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, Any]:
        connection = HTTPConnection(HERE, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def bare(home: Path) -> dict[str, str]:
    """Return an environment in which nothing of the machine's own is set."""
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": str(home), "NO_PROXY": "*"}


def a_run(event_id: str, **more: Any) -> dict[str, Any]:
    """Return the body of a run that has begun."""
    return {
        "event_id": event_id,
        "run_id": f"run-{event_id}",
        "agent_name": "crawler",
        "job_type": "nightly",
        "start_time": "2026-01-01T12:00:00+00:00",
        **more,
    }


def free_port() -> str:
    """Return a port that nobody has."""
    with socket.socket() as free:
        free.bind((HERE, 0))
        return str(free.getsockname()[1])


def telemetry(warm: WarmInterpreter, *arguments: str, folder: Path, **settings: str) -> str:
    """Run a command of ours to its end, which has to be a good one; return what it said."""
    environ = {**bare(folder), "TELEMETRY_BASE_DIR": str(folder), **settings}
    program = warm.start(COMMAND, *arguments, env=environ, cwd=folder)
    output, errors = program.communicate(PATIENCE)
    assert program.returncode == 0, output + errors
    return output


def _quietly(holds: Callable[[], bool]) -> bool:
    with suppress(OSError, HTTPException, ValueError):
        return holds()
    return False
