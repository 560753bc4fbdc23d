"""Runs of programs that meet an outage, are killed and start again are rows of the sheet, once each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.plugins.sheets.conftest import ids

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import Request, Response, SheetsServer

PROGRAM = """
import sys
from telemetry_core import TelemetryClient, load_config

with TelemetryClient(load_config(sys.argv[1])) as client:
    for number in range(5):
        client.end_run(client.start_run("crawler", "nightly"), product=sys.argv[2])
    client.flush(float(sys.argv[3]))
"""


class Programs:
    """Starts programs that share a spool and a sheet, and kills the one that is to be."""

    def __init__(self, google: SheetsServer, key: str, folder: Path) -> None:
        (folder / "key.json").write_text(key)
        self.config = folder / "telemetry.toml"
        self.config.write_text(
            f'active = ["sheets"]\nbase_dir = "telemetry"\n[plugins.sheets]\n'
            f'spreadsheet_id = "{google.spreadsheet_id}"\nbase_url = "{google.url}"\n'
            'credentials = { file = "key.json" }\n'
        )
        self._google = google
        self._running: subprocess.Popen[bytes] | None = None

    def run(self, name: str, patience: float) -> int:
        environ = {**os.environ, "TELEMETRY_TEST_MODE": "live"}
        command = [sys.executable, "-c", PROGRAM, str(self.config), name, str(patience)]
        with subprocess.Popen(command, env=environ) as self._running:
            return self._running.wait(60)

    def kill_once_rows_are_there(self) -> None:
        handle = self._google.handle

        def handle_and_kill(request: Request) -> Response:
            answer = handle(request)
            if self._google.rows:
                assert self._running is not None
                self._google.handle = handle  # type: ignore[method-assign]
                self._running.send_signal(signal.SIGKILL)
            return answer

        self._google.handle = handle_and_kill  # type: ignore[method-assign]


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_an_outage_a_kill_and_a_restart_leave_each_run_there_once(
    google: SheetsServer, key: str, tmp_path: Path
) -> None:
    programs = Programs(google, key, tmp_path)
    google.down()
    assert programs.run("outage", 0.1) == 0
    assert google.grid == []
    google.up()
    programs.kill_once_rows_are_there()
    assert programs.run("killed", 30) == -signal.SIGKILL
    assert google.rows
    assert programs.run("restart", 30) == 0
    assert Counter(ids(google)).most_common(1)[0][1] == 1
    assert Counter(row["product"] for row in google.rows) == {
        "outage": 5,
        "killed": 5,
        "restart": 5,
    }
