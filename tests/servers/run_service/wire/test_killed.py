"""A service that is killed amid its work: what it acknowledged is there when it is started again."""

from __future__ import annotations

import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING

import httpx
from attrs import define, field

from tests.servers.run_service.wire.serving import PATIENCE, Service, as_a_process
from tests.servers.run_service.wire.telling import Api, a_run, own

if TYPE_CHECKING:
    from pathlib import Path

    from tests.warm import WarmInterpreter

WRITERS = 8
ENOUGH = 200
ROWS = 5  # of a batch


@define(eq=False)
class Told:
    """What was acknowledged: the status of each run, as it must be found at least."""

    runs: dict[str, str] = field(factory=dict)
    enough: Event = field(factory=Event)

    def until_killed(self, service: Service) -> None:
        """Tell of runs, one by one and in batches, until nobody answers any more."""
        with service.client() as client:
            try:
                while True:
                    self._tell(Api(client))
            except httpx.TransportError:
                self.enough.set()

    def _tell(self, api: Api) -> None:
        batch = own()
        rows = [a_run(event_id=f"{batch}-{row}", status="partial") for row in range(ROWS)]
        assert api.batch(*rows).json()["inserted"] == ROWS
        self.runs |= {run["event_id"]: "partial" for run in rows}
        run = own()
        assert api.post(event_id=run).status_code == 201
        self.runs[run] = "running"
        assert api.patch(run, status="success").status_code == 200
        self.runs[run] = "success"
        if len(self.runs) > ENOUGH:
            self.enough.set()


def test_nothing_that_was_acknowledged_is_lost_and_no_batch_is_halved(
    tmp_path: Path, warm_service: WarmInterpreter
) -> None:
    folder = tmp_path / "service"
    told = Told()
    with as_a_process(warm_service, folder) as service, ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(told.until_killed, service) for _ in range(WRITERS)]
        assert told.enough.wait(PATIENCE)
        os.kill(service.pid, signal.SIGKILL)
        for writer in writers:
            writer.result()

    with as_a_process(warm_service, folder) as service, service.client() as client:
        total = Api(client).total()
    with closing(sqlite3.connect(service.database)) as file:
        found = dict(file.execute("SELECT event_id, status FROM agent_runs"))
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    # the last change of each writer may have been made, but not been acknowledged
    wrong = {run for run, status in told.runs.items() if found.get(run) not in {status, "success"}}
    assert not wrong
    assert sum(status == "partial" for status in found.values()) % ROWS == 0
    assert total == len(found)
