"""What `--peers` says at its end, and stores when it is asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.chaos.peers.figures import PROPERTY, store
from tests.chaos.peers.table import whole

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table of what was measured; with `--write` the pages have it too."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.getreports(kind)]
    cells = [
        said
        for report in reports
        if report.when == "call"
        for name, said in report.user_properties
        if name == PROPERTY
    ]
    if not cells:
        return
    terminalreporter.section("what became of the same events elsewhere")
    terminalreporter.write_line(whole(cells))
    if config.getoption("write") and not terminalreporter.getreports("failed"):
        store(cells)
