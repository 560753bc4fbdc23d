"""The runs that a killed program had open are closed once, by whoever delivers what it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.flows.conftest import Home


def test_the_run_a_killed_program_had_open_ends_as_inferred(home: Home) -> None:
    program = 'TelemetryClient().start_run("a", "j"); os.kill(os.getpid(), signal.SIGKILL)'
    home.run(program, code=-9)
    assert home.runs("status", "inferred") == [("cancelled", 1)]
    [(begun, ended)] = home.rows("SELECT start_time, end_time FROM agent_runs")
    assert begun <= ended


def test_several_sinks_adopt_a_folder_and_close_its_runs_once(home: Home) -> None:
    program = 'TelemetryClient().start_run("a", "j"); os.kill(os.getpid(), signal.SIGKILL)'
    home.run(program, code=-9, TELEMETRY_ACTIVE="sqlite,ndjson")
    client = home.client(TELEMETRY_ACTIVE="sqlite,ndjson")
    assert client.flush()
    client.close()
    [file] = (home.base_dir / "raw").glob("*.ndjson")
    ends = [line for line in file.read_text().splitlines() if '"cancelled"' in line]
    assert len(ends) == 1
    assert home.folders() == []
