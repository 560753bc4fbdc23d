"""The three ways to deploy: programs alone, programs and a service; the third is a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import RunQueries

from tests.servers.run_service.deployment.service import PATIENCE, Service, bare, telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.warm import WarmInterpreter

AGENTS = ("crawler", "importer", "mailer")
PROGRAM = """
import sys, telemetry_core
with telemetry_core.track_run(sys.argv[1], "nightly") as run:
    run.log_event("page_fetched", {"page": 1})
    run.set_metrics(items_succeeded=3)
"""


def record(warm: WarmInterpreter, folder: Path, **settings: str) -> None:
    """Have a program record for each agent, all at once, which knows from its environment where to."""
    environ = {**bare(folder), "TELEMETRY_EXIT_TIMEOUT": "60"} | settings
    running = [warm.start(PROGRAM, agent, env=environ, cwd=folder) for agent in AGENTS]
    for program in running:
        assert program.communicate(PATIENCE) == ("", "")
        assert program.returncode == 0


def test_programs_share_a_database_without_any_service(
    tmp_path: Path, warm: WarmInterpreter
) -> None:
    store = {"TELEMETRY_BASE_DIR": str(tmp_path / "store"), "TELEMETRY_ACTIVE": "sqlite"}
    record(warm, tmp_path, **store)
    runs = RunQueries(str(tmp_path / "store" / "db" / "telemetry.sqlite"))
    assert runs.agent_names() == dict.fromkeys(AGENTS, 1)
    assert {run["status"] for run in runs.list_runs().rows} == {"success"}


@pytest.fixture
def over_http(tmp_path: Path) -> dict[str, str]:
    return {"TELEMETRY_BASE_DIR": str(tmp_path / "spool"), "TELEMETRY_ACTIVE": "http_api"}


def test_programs_record_through_a_service_and_ask_it(
    tmp_path: Path, warm: WarmInterpreter, over_http: dict[str, str]
) -> None:
    with Service.beside(tmp_path / "store") as service:
        url = service.ready().url
        record(warm, tmp_path, TELEMETRY_API_URL=url, **over_http)
        _, runs = service.get("/api/v1/runs")
        assert {(run["agent_name"], run["items_succeeded"]) for run in runs} == {
            (agent, 3) for agent in AGENTS
        }
        shown = telemetry(warm, "runs", "list", folder=tmp_path, TELEMETRY_API_URL=url, **over_http)
        assert all(agent in shown for agent in AGENTS)


def test_what_was_recorded_while_the_service_was_away_arrives_when_it_is_back(
    tmp_path: Path,
    warm: WarmInterpreter,
    warm_service: WarmInterpreter,
    over_http: dict[str, str],
) -> None:
    service = Service.beside(tmp_path / "store", warm_service)
    away = {**over_http, "TELEMETRY_API_URL": service.url}
    record(warm, tmp_path, **away, TELEMETRY_EXIT_TIMEOUT="0")
    with service:
        service.ready()
        telemetry(warm, "flush", folder=tmp_path, **away)
        _, runs = service.get("/api/v1/runs?status=success")
    assert sorted(run["agent_name"] for run in runs) == list(AGENTS)


def test_what_programs_stored_by_themselves_is_there_in_a_service(
    tmp_path: Path, warm: WarmInterpreter, warm_service: WarmInterpreter
) -> None:
    store = {"TELEMETRY_BASE_DIR": str(tmp_path), "TELEMETRY_ACTIVE": "sqlite"}
    record(warm, tmp_path, **store)
    served = {"TELEMETRY_DB_PATH": str(tmp_path / "db" / "telemetry.sqlite")}
    with Service.beside(tmp_path / "service", warm_service, **served) as service:
        _, runs = service.ready().get("/api/v1/runs")
        record(warm, tmp_path, **store)  # which may go on beside it
        _, more = service.get("/api/v1/runs")
    assert (len(runs), len(more)) == (3, 6)
