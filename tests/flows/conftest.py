"""Programs run as real processes over one base directory, and what of their story arrived.

For how things go together; what breaks, and has to be accounted for, stands in `tests/chaos`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define

from telemetry_core import TelemetryClient, load_config

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry_core import FlushReport
    from tests.warm import WarmInterpreter, WarmProgram

PATIENCE = 60  # far longer than anything here takes
IMPORTS = """
import os, signal, sys, threading
from pathlib import Path
from telemetry_core import TelemetryClient, current_run, hookimpl, load_config

def say(client, *numbers):
    for number in numbers:
        client.capture("said", properties={"n": number})
"""


@define
class Home:
    """A base directory, the programs that record into it, and the database they deliver to."""

    base_dir: Path
    warm: WarmInterpreter

    def environ(self, **more: str) -> dict[str, str]:
        """Return an environment in which nothing of the machine's own is set."""
        own = {"TELEMETRY_BASE_DIR": str(self.base_dir), "TELEMETRY_ACTIVE": "sqlite"}
        return {"PATH": os.defpath, "HOME": str(self.base_dir.parent), **own, **more}

    def start(self, source: str, *arguments: str, **environ: str) -> WarmProgram:
        """Start a program, warnings being errors; its output is read by whoever waits for it."""
        env, home = self.environ(**environ), self.base_dir.parent
        return self.warm.start(IMPORTS + source, *arguments, env=env, cwd=home)

    def start_file(self, script: Path, **environ: str) -> subprocess.Popen[str]:
        """Start the program in a file, by an interpreter of its own."""
        return subprocess.Popen(
            [sys.executable, "-Werror", str(script)],
            env=self.environ(**environ),
            cwd=self.base_dir.parent,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, source: str, *arguments: str, code: int = 0, **environ: str) -> str:
        """Run a program to its end, which has to be this exit code, and return what it printed."""
        return self.finish(self.start(source, *arguments, **environ), code)

    def finish(self, program: subprocess.Popen[str] | WarmProgram, code: int = 0) -> str:
        """Wait for a program's end, which has to be this exit code, and return what it printed."""
        try:
            output, errors = program.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            program.kill()
            output, errors = program.communicate()
        assert program.returncode == code, errors
        return output + errors

    def client(self, **environ: str) -> TelemetryClient:
        """Return a client in this process, as the next program would have one."""
        return TelemetryClient(load_config(environ=self.environ(**environ)))

    def flush(self) -> FlushReport:
        """Deliver all that lies there and return what became of it."""
        client = self.client()
        report = client.flush(PATIENCE)
        client.close()
        assert report, report
        return report

    def said(self) -> list[int]:
        """Return, after a flush, the numbers that programs said, in ascending order."""
        self.flush()
        rows = self.rows("SELECT payload_json FROM run_events WHERE event_type = 'said'")
        return sorted(json.loads(text)["n"] for (text,) in rows)

    def runs(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return, after a flush, columns of every run in the order of their starts."""
        self.flush()
        return self.rows(f"SELECT {', '.join(columns)} FROM agent_runs ORDER BY created_at, id")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with closing(sqlite3.connect(self.base_dir / "db" / "telemetry.sqlite")) as database:
            return database.execute(query).fetchall()

    def folders(self) -> list[Path]:
        """Return the spool folders that are there."""
        return [path for path in sorted((self.base_dir / "spool").glob("*")) if path.is_dir()]


@pytest.fixture
def home(tmp_path: Path, warm: WarmInterpreter) -> Home:
    return Home(tmp_path / "telemetry", warm)
