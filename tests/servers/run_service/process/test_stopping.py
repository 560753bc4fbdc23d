"""A stop finishes what was accepted; a second signal ends at once."""

from __future__ import annotations

import json
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest

from tests.servers.run_service.process.conftest import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.run_service.process.conftest import Service

    Start = Callable[..., Service]

TYPE = {"Content-Type": "application/json"}
BODY = json.dumps(run()).encode()
HEAD = (
    f"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
).encode()


def stored(service: Service) -> int:
    """Return how many runs are in its database."""
    with closing(sqlite3.connect(service.said["db_path"])) as connection:
        found: int = connection.execute("SELECT count(*) FROM agent_runs").fetchone()[0]
        return found


def test_a_request_that_was_accepted_is_answered(serve: Start) -> None:
    service = serve()
    with service.speak(HEAD + BODY[:10]) as spoken:
        service.ask("GET", "/health")  # so that the one before has been read
        service.program.send_signal(signal.SIGTERM)
        while not _refuses(service):
            pass
        spoken.sendall(BODY[10:])
        answer = spoken.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert service.ended()[0] == 0
    assert stored(service) == 1


def _refuses(service: Service) -> bool:
    """Whether it accepts no connection any more."""
    try:
        service.speak(b"").close()
    except OSError:
        return True
    return False


def test_who_only_holds_a_connection_is_not_waited_for(serve: Start) -> None:
    service = serve()
    with closing(service.connect()) as connection, service.speak(b""):
        connection.request("GET", "/health")
        connection.getresponse().read()
        assert service.stop()[0] == 0


def test_streams_end(serve: Start) -> None:
    service = serve()
    with service.speak(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\n\r\n") as spoken:
        stream = spoken.makefile("rb")
        assert stream.readline().startswith(b"HTTP/1.1 200 ")
        assert service.stop()[0] == 0
        assert b"text/event-stream" in stream.read()


def test_who_does_not_go_on_is_not_waited_for_for_ever(serve: Start) -> None:
    service = serve(TELEMETRY_API_STOP_TIMEOUT_SECONDS="1")
    with service.speak(HEAD + BODY[:10]) as spoken:
        service.ask("GET", "/health")
        code, errors = service.stop()
        answer = spoken.makefile("rb").read()
    assert (code, stored(service)) == (0, 0)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b'{"detail":"The service is stopping"}')
    assert "Traceback" not in errors


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(second: int, serve: Start) -> None:
    service = serve()
    with service.speak(HEAD + BODY[:10]):
        service.ask("GET", "/health")
        service.program.send_signal(signal.SIGTERM)
        while not _refuses(service):
            pass
        assert service.stop(second)[0] == 128 + second


def test_nothing_that_was_answered_under_load_is_lost_by_a_stop(serve: Start) -> None:
    service = serve()
    answered: list[int] = []

    def tell(worker: int) -> None:
        with suppress(OSError, HTTPException), closing(service.connect()) as connection:
            for number in range(worker * 1000, worker * 1000 + 1000):
                connection.request("POST", "/api/v1/runs", json.dumps(run(number)), TYPE)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 201:
                    return
                answered.append(number)

    with ThreadPoolExecutor(4) as workers:
        for worker in range(4):
            workers.submit(tell, worker)
        while len(answered) < 50:
            pass
        assert service.stop()[0] == 0
    with closing(sqlite3.connect(service.said["db_path"])) as connection:
        there = {run_id for (run_id,) in connection.execute("SELECT run_id FROM agent_runs")}
    assert there >= {f"run-{number}" for number in answered}
    assert len(answered) < 4000
