"""Clients that write without a pause, and know which runs were acknowledged to them."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from attrs import define, field

from tests.servers.run_service.deployment.service import HERE, PATIENCE, a_run

if TYPE_CHECKING:
    from types import TracebackType

    Body = dict[str, Any]

JSON = {"Content-Type": "application/json"}
LATER = 0.02  # seconds; before one tries again what was refused


@define
class Clients:
    """So many of them, each with a connection of its own, which tell of runs and then of their ends.

    What is refused, or breaks off, is tried again.

    :ivar acknowledged: the runs that the service said to have, each with the status it said to have.
    :ivar refused: the answers that were no success.
    """

    port: int
    clients: int = 4
    name: str = "run"
    acknowledged: dict[str, str] = field(factory=dict)
    refused: list[int] = field(factory=list)
    _threads: list[threading.Thread] = field(factory=list)
    _enough: threading.Event = field(factory=threading.Event)

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=self._write, args=(number,)) for number in range(self.clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Have them finish what they do, and wait for it."""
        self._enough.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait_for(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted, deadline = len(self.acknowledged) + more, time.monotonic() + PATIENCE
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} acknowledged of {wanted}"
            time.sleep(LATER)

    def _write(self, client: int) -> None:
        connection = HTTPConnection(HERE, self.port, timeout=PATIENCE)
        for number in count():
            event_id = f"{self.name}-{client}-{number:06}"
            self._told(connection, "POST", "/api/v1/runs", event_id, a_run(event_id))
            ended = {"status": "success"}
            self._told(connection, "PATCH", f"/api/v1/runs/{event_id}", event_id, ended)
            if self._enough.is_set():
                break
        connection.close()

    def _told(
        self, connection: HTTPConnection, method: str, path: str, event_id: str, body: Body
    ) -> None:
        """Tell something until it is acknowledged, or enough was told."""
        while not self._enough.is_set():
            try:
                connection.request(method, path, json.dumps(body), JSON)
                answer = connection.getresponse()
                answer.read()
            except (OSError, HTTPException):  # it was killed, or is away: nobody was told anything
                connection.close()
            else:
                if answer.status in {200, 201}:
                    self.acknowledged[event_id] = body.get("status", "running")
                    return
                self.refused.append(answer.status)
            self._enough.wait(LATER)
