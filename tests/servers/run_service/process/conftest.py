"""Services that are processes of their own, soon started, on databases of the test."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.warm import PATIENCE, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.warm import WarmInterpreter, WarmProgram

PROGRAM = """
import sys
from telemetry_core.cli import main
sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # now pipes
main()
"""


class Service:
    """One process of `telemetry serve`."""

    def __init__(self, program: WarmProgram) -> None:
        self.program = program
        self.pid = program.pid
        said = program.stdout.readline()
        self.said: dict[str, Any] = json.loads(said) if said.endswith("}\n") else {}

    @property
    def address(self) -> tuple[str, int]:
        """Return where it answers."""
        host, _, port = self.said["url"].removeprefix("http://").rpartition(":")
        return host, int(port)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to it."""
        return http.client.HTTPConnection(*self.address, timeout=PATIENCE)

    def speak(self, sent: bytes) -> socket.socket:
        """Connect, send these bytes and return the connection."""
        with ExitStack() as unless_all_is_sent:  # a service that stops may reset the connection
            spoken = socket.create_connection(self.address, timeout=PATIENCE)
            unless_all_is_sent.push(spoken)
            spoken.sendall(sent)
            unless_all_is_sent.pop_all()
        return spoken

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        content = None if body is None else json.dumps(body)
        named = {"Content-Type": "application/json", **headers}
        with closing(self.connect()) as connection:
            connection.request(method, path, content, named)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def stop(self, number: int = signal.SIGTERM) -> tuple[int | None, str]:
        """Send a signal and return the exit code and what was said on stderr."""
        self.program.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int | None, str]:
        """Wait for its end and return the exit code and what was said on stderr."""
        _, errors = self.program.communicate()
        return self.program.returncode, errors


@pytest.fixture
def serve(
    warm_service: WarmInterpreter, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., Service]:
    """Return what starts a service with these arguments and variables; it is gone after the test."""

    def start(*arguments: str, cwd: Path = tmp_path, **environ: str) -> Service:
        env = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "TELEMETRY_BASE_DIR": str(tmp_path / "store"),
            "TELEMETRY_API_PORT": "0",
            **environ,
        }
        typed = ["serve", "--json", *arguments]
        program = warm_service.start(PROGRAM, *typed, env=env, cwd=cwd)
        request.addfinalizer(program.communicate)
        request.addfinalizer(program.kill)
        return Service(program)

    return start


@pytest.fixture
def refused(serve: Callable[..., Service]) -> Callable[..., tuple[int | None, str]]:
    """Return what starts a service that ends by itself, and returns its exit code and why."""

    def start(*arguments: str, **said: Any) -> tuple[int | None, str]:
        service = serve(*arguments, **said)
        assert service.said == {}
        code, errors = service.ended()
        assert "Traceback" not in errors
        return code, errors

    return start


def run(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return a run as a client sends it."""
    return {
        "event_id": f"event-{number}",
        "run_id": f"run-{number}",
        "agent_name": "crawler",
        "job_type": "nightly",
        "start_time": "2026-01-01T12:00:00+00:00",
        **fields,
    }
