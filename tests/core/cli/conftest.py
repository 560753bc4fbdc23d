"""A working directory and a store of its own for each test, and three ways to type a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from click.testing import CliRunner

from telemetry_core import TelemetryClient, load_config
from telemetry_core.cli.app import telemetry
from tests.core.cli.terminal import settle_in, typed
from tests.forked import ended, forked, kill_myself

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.core.cli.terminal import Typed

TELEMETRY = [sys.executable, "-c", "from telemetry_core.cli import main; main()"]

Started = subprocess.Popen[str]


class Shell(Protocol):
    """Runs `telemetry` as a process of its own."""

    def __call__(
        self, *args: str, input: bytes | None = None, **environ: str
    ) -> subprocess.CompletedProcess[bytes]: ...


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every command away from the settings and the records of whoever runs the tests."""
    settle_in(tmp_path, monkeypatch)
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def call() -> Callable[..., Result]:
    """Return what calls a command in this process."""
    return lambda *args, **settings: CliRunner().invoke(telemetry, args, **settings)


@pytest.fixture
def ask(call: Callable[..., Result]) -> Callable[..., Any]:
    """Return what calls a command with --json and reads its answer."""
    return lambda *args: json.loads(call(*args, "--json").stdout)


@pytest.fixture
def shell() -> Shell:
    """Return what calls a command in a process of its own."""

    def run(
        *args: str, input: bytes | None = None, **environ: str
    ) -> subprocess.CompletedProcess[bytes]:
        command = [*TELEMETRY, *args]
        settings = {**os.environ, **environ}
        return subprocess.run(
            command, input=input, env=settings, capture_output=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def child() -> Callable[..., Typed]:
    """Return what calls a command in a child of this process, with files as its streams."""
    return lambda *args, **environ: typed(args, {**os.environ, **environ})


@pytest.fixture
def recorded() -> TelemetryClient:
    """Return a client whose runs were delivered: a parent with an event, a child, a failure."""
    with TelemetryClient(load_config()) as client:
        with client.track_run("crawler", "nightly", items_succeeded=2) as run:
            run.log_event("page_fetched", {"page": "index"})
            with client.track_run("crawler", "fetch_page"):
                pass
        run_id = client.start_run("importer", "orders", trigger_type="scheduler")
        client.end_run(run_id, "failed", error_summary="no room")
    return client


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Callable[..., Started]:
    """Return what starts a program that records and then waits; it is gone after the test."""

    def start(code: str, **environ: str) -> Started:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        request.addfinalizer(process.communicate)
        request.addfinalizer(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "recorded\n"
        return process

    return start


RECORDS = """
from telemetry_core import TelemetryClient
client = TelemetryClient()
run_id = client.start_run("worker", "job")
client.flush()
for number in range(3):
    client.log_event(run_id, "step", {"number": number})
"""
WAITS = """
import sys
print("recorded", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def alive(started: Callable[..., Started]) -> Callable[..., Started]:
    """Return what starts a program that has recorded three events which nobody delivered yet."""
    return lambda **environ: started(RECORDS + WAITS, TELEMETRY_LINGER="3600", **environ)


@pytest.fixture
def killed() -> Callable[..., None]:
    """Return what leaves behind what such a program has that was killed."""

    def run(**environ: str) -> None:
        def record() -> None:
            os.environ.update(TELEMETRY_LINGER="3600", **environ)
            exec(RECORDS, {})
            kill_myself()

        assert ended(forked(record)) == -signal.SIGKILL

    return run


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Give what installs a distribution with one sink, `Shaky` of this code, and activates it."""
    site = tmp_path / "site"

    def install(code: str) -> None:
        info = site / "shaky-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shaky\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[telemetry_core]\nshaky = shaky_sink:Shaky\n")
        (site / "shaky_sink.py").write_text(code)
        monkeypatch.syspath_prepend(site)
        monkeypatch.setenv("PYTHONPATH", str(site))
        monkeypatch.setenv("TELEMETRY_ACTIVE", "shaky")

    yield install
    sys.modules.pop("shaky_sink", None)
