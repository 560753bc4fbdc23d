"""`resume` has a sink tried again, also by programs that are alive, and answers every other wish."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telemetry_core import TelemetryClient, load_config

# A sink that is refused as long as the file `shut` is there: it pauses, or it raises.
SINK = """
import pathlib
from attrs import define
from telemetry_core import Receipt, hookimpl

@define(eq=False)
class Shaky:
    @hookimpl
    def ship_batch(self, batch):
        if pathlib.Path("shut").exists():
            {refusal}
"""
PAUSES = SINK.format(refusal="return Receipt.pause('http_401', 'no key')")
RAISES = SINK.format(refusal="raise OSError('no route')")

WAITS_FOR_DELIVERY = """
import threading
from telemetry_core import TelemetryClient
client = TelemetryClient()
client.capture("tick")
while client.health().ok:
    client.flush(1)
print("recorded", flush=True)
while client.get_stats()["sinks"]["shaky"]["pending"]:
    threading.Event().wait(0.05)
print("delivered", flush=True)
"""


@pytest.fixture
def shut(installed: Any, request: pytest.FixtureRequest) -> Path:
    installed(request.param)
    Path("shut").touch()
    return Path("shut")


def _fail() -> None:
    with TelemetryClient(load_config()) as client:
        client.capture("tick")
        while client.health().ok:
            client.flush(timeout=1)


@pytest.mark.parametrize("shut", [PAUSES, RAISES], indirect=True, ids=["paused", "open"])
def test_a_living_program_tries_a_resumed_sink_again(ask: Any, started: Any, shut: Path) -> None:
    process = started(WAITS_FOR_DELIVERY)
    shut.unlink()
    assert ask("resume", "shaky")["resumed"]
    assert process.stdout.readline() == "delivered\n"


@pytest.mark.parametrize("shut", [PAUSES], indirect=True)
def test_it_says_what_it_ended_and_status_is_well_again(call: Any, ask: Any, shut: Path) -> None:
    _fail()
    assert ask("status")["sinks"]["shaky"]["paused"]
    done = call("resume", "shaky")
    assert done.exit_code == 0
    assert "shaky was paused (http_401: no key); that is over." in done.stdout
    assert not ask("status")["sinks"]["shaky"]["paused"]


@pytest.mark.parametrize("shut", [RAISES], indirect=True)
def test_what_a_killed_program_found_shut_is_delivered_after_a_resume(
    call: Any, ask: Any, shut: Path
) -> None:
    _fail()
    shut.unlink()
    assert ask("resume", "shaky")["was"]["circuit"] == "open"
    assert call("flush").exit_code == 0


def test_where_nothing_is_left_alone_there_is_nothing_to_resume(call: Any, ask: Any) -> None:
    done = call("resume", "sqlite")
    assert (done.exit_code, ask("resume", "sqlite")["resumed"]) == (0, False)
    assert "nothing to resume" in done.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [("sqlit", "did you mean 'sqlite'?"), ("../../etc/passwd", "there are: ndjson, sqlite")],
)
def test_a_name_that_no_sink_has_is_a_misuse(call: Any, name: str, said: str) -> None:
    done = call("resume", name)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_shell_completes_the_sinks(child: Any) -> None:
    typed = {"_TELEMETRY_COMPLETE": "bash_complete", "COMP_WORDS": "telemetry resume n"}
    assert child(**typed, COMP_CWORD="2").stdout == b"plain,ndjson\n"
