"""`health` asks every sink, waits for none longer than said, and says what each answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telemetry_core import TelemetryClient, load_config

SINK = """
import threading
from attrs import define
from telemetry_core import Health, Receipt, hookimpl

@define(eq=False)
class Shaky:
    def __attrs_post_init__(self):
        {built}
    @hookimpl
    def ship_batch(self, batch):
        {ships}
    @hookimpl
    def check_health(self):
        {asked}
    def close(self):
        {closed}
"""


def _sink(**parts: str) -> str:
    return SINK.format(**dict.fromkeys(("built", "ships", "asked", "closed"), "return") | parts)


def test_sinks_that_are_well_say_so(call: Any, ask: Any) -> None:
    told = ask("health")
    assert told["ok"]
    assert [(name, sink["ok"]) for name, sink in told["sinks"].items()] == [
        ("sqlite", True),
        ("ndjson", True),
    ]
    assert call("health").exit_code == 0


def test_what_a_sink_says_is_shown_with_its_details(call: Any, installed: Any) -> None:
    installed(_sink(asked="return Health(False, 'quota used up', {'left': 0})"))
    shown = call("health")
    assert shown.exit_code == 1
    assert "quota used up" in shown.stdout
    assert "left=0" in shown.stdout


@pytest.mark.parametrize("part", ["built", "asked"])
def test_a_sink_that_hangs_is_not_waited_for(shell: Any, installed: Any, part: str) -> None:
    installed(_sink(**{part: "threading.Event().wait()"}))
    done = shell("health", "--timeout", "0.2", "--json", TELEMETRY_ACTIVE="shaky,ndjson")
    hung, well = json.loads(done.stdout)["sinks"].values()
    assert (done.returncode, hung["ok"], well["ok"]) == (1, False, True)
    assert hung["message"].startswith("no answer within 0.2 s; it hangs in")


def test_a_sink_that_cannot_be_closed_holds_up_nobody(shell: Any, installed: Any) -> None:
    installed(_sink(closed="threading.Event().wait()"))
    assert shell("health").returncode == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("raise SystemExit('enough')", "SystemExit: enough"),
        ("return {'ok': True}", "gave a dict, no Health"),
    ],
)
def test_a_sink_that_answers_nonsense_is_not_well(
    ask: Any, installed: Any, asked: str, said: str
) -> None:
    installed(_sink(asked=asked))
    sink = ask("health")["sinks"]["shaky"]
    assert not sink["ok"]
    assert said in sink["message"]


def test_a_sink_that_cannot_be_built_says_why(ask: Any, installed: Any) -> None:
    installed(_sink(built="raise ValueError('no such region')"))
    sink = ask("health")["sinks"]["shaky"]
    assert sink["message"].startswith("off: ")
    assert "no such region" in sink["message"]


def test_a_paused_sink_is_not_well_for_the_command_and_for_the_client(
    ask: Any, installed: Any
) -> None:
    installed(_sink(ships="return Receipt.pause('http_401', 'no key')"))
    with TelemetryClient(load_config()) as client:
        client.capture("tick")
        client.flush()
        assert client.health().sinks["shaky"].message == "paused: http_401 no key"
    sink = ask("health")["sinks"]["shaky"]
    assert not sink["ok"]
    assert sink["message"] == "paused: http_401: no key; try: telemetry resume shaky"


def test_a_sink_that_is_not_installed_says_what_to_install(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "snowplow")
    shown = call("health")
    assert shown.exit_code == 1
    assert "pip install telemetry-snowplow" in shown.stdout
