"""Suites of other people, run with our plugin."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

RunSuite = Callable[..., pytest.RunResult]

# Plugins of the machine's own that are not asked about here and take long to import.
NEEDLESS = [
    part
    for name in ("cacheprovider", "hypothesispytest", "respx", "anyio", "schemathesis")
    for part in ("-p", f"no:{name}")
]
REMOTE = """
import os

from attrs import define

from telemetry_core import hookimpl


@define(eq=False)
class Remote:
    remote = True

    @hookimpl
    def ship_batch(self, batch):
        with open(os.environ["SHIPPED"], "a") as file:
            file.writelines(f"{record.body.event_type}\\n" for record in batch)
"""


@pytest.fixture
def alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Run pytest with our plugin and no other."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_telemetry.plugin")
    return pytester


@pytest.fixture
def run_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunSuite:
    """Return a function that runs a suite with our plugin as installed, in a process of its own.

    A sink `remote` is installed there and active by default; what it ships stands in `shipped`.
    """
    for name in [name for name in os.environ if name.startswith(("TELEMETRY_", "PYTEST_"))]:
        monkeypatch.delenv(name)
    pytester.makepyfile(remote=REMOTE)
    pytester.mkdir("remote-1.dist-info")
    for name, text in {
        "METADATA": "Metadata-Version: 2.1\nName: remote\nVersion: 1\n",
        "entry_points.txt": "[telemetry_core]\nremote = remote:Remote\n",
    }.items():
        (pytester.path / "remote-1.dist-info" / name).write_text(text)
    for name, path in {
        "PYTHONPATH": pytester.path,
        "SHIPPED": pytester.path / "shipped",
        "TELEMETRY_BASE_DIR": pytester.path / "store",
    }.items():
        monkeypatch.setenv(name, str(path))
    monkeypatch.setenv("TELEMETRY_ACTIVE", "remote")

    def run(suite: str, *arguments: str, environ: dict[str, str] | None = None) -> pytest.RunResult:
        pytester.makepyfile(test_suite=suite)
        for name, text in (environ or {}).items():
            monkeypatch.setenv(name, text)
        return pytester.run(sys.executable, "-m", "pytest", *NEEDLESS, *arguments, timeout=60)

    return run
