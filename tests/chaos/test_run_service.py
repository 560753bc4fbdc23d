"""The run service is killed under its writers: what it acknowledged is there when it is back."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.servers.run_service.deployment.clients import Clients
from tests.servers.run_service.deployment.service import Service
from tests.warm import SERVED, WarmInterpreter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRITERS = 8
AT_MOST = 60  # acknowledged runs before the next kill
STATUSES = {"running": {"running", "success"}, "success": {"success"}}  # more may be on the disk


@pytest.fixture
def warm(whole: bool) -> Iterator[WarmInterpreter | None]:
    """Return what forks the services; in the whole each is an interpreter of its own."""
    interpreter = None if whole else WarmInterpreter(SERVED)
    yield interpreter
    if interpreter is not None:
        interpreter.end()


def test_a_client_that_was_told_so_finds_its_run_however_often_the_service_is_killed(
    tmp_path: Path, whole: bool, warm: WarmInterpreter | None
) -> None:
    service = Service.beside(tmp_path / "store", warm)
    told: list[dict[str, str]] = [{}]
    for number in range(50 if whole else 5):
        with service:
            look_for(told[-1], service.ready())
            with Clients(service.port, WRITERS, f"round-{number}") as clients:
                clients.wait_for(random.randint(1, AT_MOST))
                service.kill()
        told.append(clients.acknowledged)
    with service:
        look_for({name: status for each in told for name, status in each.items()}, service.ready())


def look_for(told: dict[str, str], service: Service) -> None:
    """Find every run by its id, in a state that follows from what was acknowledged of it."""
    for event_id, status in told.items():
        answered, run = service.get(f"/api/v1/runs/{event_id}")
        assert answered == 200, f"{event_id} was acknowledged, and answers {answered}"
        assert run["status"] in STATUSES[status], event_id
