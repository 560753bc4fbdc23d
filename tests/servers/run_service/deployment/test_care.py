"""The database is cared for while the service is written to: nothing acknowledged is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import RunQueries

from tests.servers.run_service.deployment.clients import Clients
from tests.servers.run_service.deployment.service import Service, a_run, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.warm import WarmInterpreter

OLD = 1000  # runs
LONG_AGO = "2020-01-01T00:00:00+00:00"
A_FEW = 20


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def service(store: Path, warm_service: WarmInterpreter) -> Iterator[Service]:
    with Service.beside(store, warm_service) as service:
        old = [
            a_run(f"old-{number}", created_at=LONG_AGO, status="success") for number in range(OLD)
        ]
        assert service.ready().post("/api/v1/runs/batch", old)[1]["inserted"] == OLD
        yield service


def kept(database: Path) -> set[str]:
    """Return the ids of the runs that a database has."""
    queries, found, after = RunQueries(str(database)), set[str](), None
    while True:
        page = queries.list_runs(limit=1000, after=after)
        found |= {run["event_id"] for run in page.rows}
        if (after := page.next) is None:
            return found


def among_writers(warm: WarmInterpreter, service: Service, folder: Path, *command: str) -> Clients:
    """Run a command of `telemetry db` while clients write; return what they were told."""
    database = str(folder / "telemetry.sqlite")
    with Clients(service.port) as clients:
        clients.wait_for(A_FEW)
        telemetry(warm, "db", *command, folder=folder, TELEMETRY_DB_PATH=database)
        clients.wait_for(A_FEW)
    return clients


@pytest.mark.parametrize(
    "command",
    [
        ("backup", "--keep", "2"),
        ("check", "--full"),
        ("migrate", "--dry-run"),
        ("close-stale", "--older-than", "1000d", "--yes"),
        ("compact",),
    ],
    ids=lambda command: command[0],
)
def test_nobody_waits_so_long_that_it_is_refused_and_what_was_acknowledged_is_there(
    warm: WarmInterpreter, service: Service, store: Path, command: tuple[str, ...]
) -> None:
    clients = among_writers(warm, service, store, *command)
    assert clients.refused == []
    assert clients.acknowledged.keys() <= kept(store / "telemetry.sqlite")


def test_retention_lets_go_of_what_is_old_and_of_nothing_else(
    warm: WarmInterpreter, service: Service, store: Path
) -> None:
    clients = among_writers(warm, service, store, "retain", "--older-than", "30d", "--yes")
    assert clients.refused == []
    assert kept(store / "telemetry.sqlite") == clients.acknowledged.keys()
    assert service.get("/metrics")[1]["total_runs"] == len(clients.acknowledged)


def test_a_backup_is_of_one_moment_and_can_be_served(
    warm: WarmInterpreter, service: Service, store: Path, warm_service: WarmInterpreter
) -> None:
    clients = among_writers(warm, service, store, "backup", "--to", str(store / "copy.sqlite"))
    telemetry(warm, "db", "migrate", "--db", "copy.sqlite", "--yes", folder=store)
    copied = kept(store / "copy.sqlite") - {f"old-{number}" for number in range(OLD)}
    assert len(copied) >= A_FEW
    assert copied <= clients.acknowledged.keys()
    served = {"TELEMETRY_DB_PATH": str(store / "copy.sqlite")}
    with Service.beside(store / "other", warm_service, **served) as other:
        assert other.ready().get("/metrics")[1]["total_runs"] == OLD + len(copied)


def test_a_restored_backup_is_what_the_service_goes_on_with(
    warm: WarmInterpreter, service: Service, store: Path
) -> None:
    database = str(store / "telemetry.sqlite")
    telemetry(warm, "db", "backup", "--db", database, folder=store)
    service.tell_a_run("later")
    telemetry(warm, "db", "restore", "--db", database, "--yes", folder=store)
    assert service.get("/api/v1/runs/later")[0] == 404
    assert service.tell_a_run("later") == "created"
