"""The larger examples do what they say: each is run as its user would, and its runs are read."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from telemetry_core import DeliverySettings, PrivacySettings, TelemetryConfig, load_config
from telemetry_core.config import PluginOptions
from telemetry_core.manager import Manager
from telemetry_core.settings import keys_of
from tests.core.cli.terminal import typed
from tests.docs.conftest import PYTEST

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parents[2] / "examples"
OFFERED = {"base_dir", "clock", "service"}  # what the core itself gives a plugin

SERVICE = """
import fastapi_service
from fastapi.testclient import TestClient

with TestClient(fastapi_service.app) as web:
    assert web.post("/orders/7/pay?cents=350").json() == {"receipt": "R-7-350"}
    assert web.post("/orders/8/pay?cents=0").status_code == 422
    assert web.get("/health").json() == {"ok": True, "telemetry": True}
"""

WAITING_WORKER = """
import os, signal, sys
import prefork_worker

told, tell = os.pipe()

def waitpid(child, options, wait=os.waitpid):
    os.read(told, prefork_worker.PROCESSES)
    print("forked", flush=True)
    return wait(child, options)

def serve(tasks):
    os.write(tell, b".")
    signal.pause()

os.waitpid = waitpid
prefork_worker.PROCESSES = 1
prefork_worker.serve = serve
sys.exit(prefork_worker.main())
"""

Python = subprocess.CompletedProcess[str]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which all telemetry goes into a store of this test."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TELEMETRY_", "AGENT_"))}
    return inherited | {
        "TELEMETRY_BASE_DIR": str(tmp_path / "store"),
        "TELEMETRY_EXIT_TIMEOUT": "30",
        "PYTHONPATH": str(EXAMPLES),
    }


@pytest.fixture
def python(environ: dict[str, str], tmp_path: Path) -> Callable[..., Python]:
    """Return what runs Python in an empty directory."""

    def run(*arguments: str) -> Python:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def runs(environ: dict[str, str], tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Return what reads all recorded runs, the first one first."""

    def read() -> list[dict[str, Any]]:
        assert typed(["flush"], environ, tmp_path).returncode == 0
        shown = typed(["runs", "list", "--json"], environ, tmp_path).stdout
        found: list[dict[str, Any]] = json.loads(shown)["runs"]
        return sorted(found, key=lambda run: (run["start_time"], run["id"]))

    return read


def test_the_agents_tools_are_children_of_its_mission(python: Any, runs: Any) -> None:
    assert python(str(EXAMPLES / "agent.py")).stdout == "['Tea 3.50']\n"
    mission, *tools = runs()
    assert (mission["status"], mission["items_succeeded"], mission["items_failed"]) == (
        "success",
        1,
        1,
    )
    assert [tool["status"] for tool in tools] == ["success", "failure"]
    assert {tool["parent_run_id"] for tool in tools} == {mission["run_id"]}


def test_the_command_line_tool_keeps_its_exit_code_and_says_what_failed(
    python: Any, runs: Any, tmp_path: Path
) -> None:
    (tmp_path / "poem").write_text("roses are red")
    done = python(str(EXAMPLES / "cli_tool.py"), "poem", "nothing")
    assert (done.returncode, done.stdout) == (1, "poem: 3\nnothing: cannot be read\n")
    (run,) = runs()
    assert (run["status"], run["metrics_json"]) == ("partial", {"words": 3})


def test_the_command_line_tool_heeds_no_configuration_that_lies_around(
    python: Any, runs: Any, tmp_path: Path
) -> None:
    (tmp_path / "telemetry.toml").write_text('service = "somebody else"\nactive = []\n')
    assert python(str(EXAMPLES / "cli_tool.py")).returncode == 0
    (tmp_path / "telemetry.toml").unlink()
    assert len(runs()) == 1


def test_each_request_of_the_service_is_a_run_and_its_calls_are_runs_within(
    python: Any, runs: Any
) -> None:
    done = python("-W", "ignore", "-c", SERVICE)
    assert done.returncode == 0, done.stderr
    paid, charged, refused = runs()
    assert charged["parent_run_id"] == paid["run_id"]
    assert (paid["status"], paid["source_ref"]) == ("success", "orders/7")
    assert (refused["status"], refused["source_ref"]) == ("failure", "orders/8")
    assert "nothing to pay" in refused["error_summary"]


def test_the_prefork_workers_children_lose_nothing(python: Any, runs: Any) -> None:
    assert python(str(EXAMPLES / "prefork_worker.py")).returncode == 0
    found = runs()
    assert Counter(run["job_type"] for run in found) == {"resize": 8, "supervise": 1}
    assert {run["status"] for run in found} == {"success"}
    assert len({run["source_ref"] for run in found if run["job_type"] == "resize"}) == 8


def test_sigterm_ends_the_prefork_workers_run_as_cancelled(
    environ: dict[str, str], runs: Any, tmp_path: Path
) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WAITING_WORKER],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "forked\n"
    os.killpg(worker.pid, signal.SIGTERM)
    try:
        worker.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()
    assert worker.returncode == 128 + signal.SIGTERM
    (run,) = runs()
    assert (run["job_type"], run["status"]) == ("supervise", "cancelled")


@pytest.mark.parametrize("name", ["downstream_test.py", "run_service_test.py"])
def test_the_tests_of_another_package_pass(name: str, python: Any, tmp_path: Path) -> None:
    example = shutil.copy(EXAMPLES / name, tmp_path)  # away from our own options
    done = python(*PYTEST, "-W", "error", str(example))
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_runs_reach_a_sheet_once_also_while_google_is_away(python: Any) -> None:
    done = python("-W", "error", str(EXAMPLES / "sheet_of_runs.py"))
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines() == [
        "True 1",
        "False 1",
        "True 2",
        "crawler success 3",
        "crawler success 4",
    ]


def test_scans_reach_raxe_once_also_where_a_day_is_used_up(python: Any) -> None:
    done = python("-W", "error", str(EXAMPLES / "raxe_events.py"))
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines() == [
        "True 1",
        "False 1",
        "True 2",
        "1",
        "1 events were sent today, as many as the tier allows 1767398400",
        "temporary False",
    ]


def test_the_sdk_of_posthog_works_against_the_fake(python: Any) -> None:
    done = python("-W", "error", str(EXAMPLES / "posthog_sdk_against_fake.py"))
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines() == [
        "18 events in 3 batches",
        "ZeroDivisionError: division by zero, 3 times",
        "insisted: 2",
        "lost: []",
    ]


def test_a_package_tests_what_it_tells_both_services(python: Any, tmp_path: Path) -> None:
    package = shutil.copytree(EXAMPLES / "downstream_package", tmp_path / "bakery")
    done = python(*PYTEST, str(package))
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def test_the_configuration_of_the_package_can_be_used_as_it_is() -> None:
    path = EXAMPLES / "downstream_package" / "telemetry.toml"
    config = load_config(path, environ={"POSTHOG_API_KEY": "phc_key"})
    assert [plugin.error for plugin in Manager(config).plugins if not plugin.build()] == []


def test_the_example_configuration_shows_every_setting() -> None:
    table = tomllib.loads((EXAMPLES / "telemetry.toml").read_text("utf-8"))
    core = set(keys_of(TelemetryConfig))
    assert {key for key in table if not isinstance(table[key], dict)} == core
    assert table["delivery"].keys() == set(keys_of(DeliverySettings))
    assert table["privacy"].keys() == set(keys_of(PrivacySettings))
    everywhere = set(keys_of(PluginOptions))
    shown = {key for own in table["plugins"].values() for key in own}
    assert everywhere <= shown
    for name, own in table["plugins"].items():
        kind = load_config(EXAMPLES / "telemetry.toml").installed.load(name)
        settings = {field.alias for field in attrs.fields(kind) if field.init} - OFFERED
        assert own.keys() - everywhere == settings


def test_the_example_configuration_can_be_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.toml"
    path.write_text((EXAMPLES / "telemetry.toml").read_text("utf-8"))
    config = load_config(path, environ={})
    assert [plugin.error for plugin in Manager(config).plugins if not plugin.build()] == []
    assert config.delivery == DeliverySettings(critical=("payment_*",))
