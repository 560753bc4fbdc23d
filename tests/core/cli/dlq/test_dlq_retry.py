"""`dlq retry` brings letters back to the sink that refused them, and loses none on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import TelemetryClient, load_config
from tests.core.cli.conftest import TELEMETRY

if TYPE_CHECKING:
    from telemetry_core.delivery.dead_letters import DeadLetters

KILLED_AT = """
import os, signal
from telemetry_core.delivery.spool.fresh import FreshFolder
def killed(method):
    def call(self, *args):
        {before}
        method(self, *args)
        {after}
    return call
def die():
    FreshFolder.calls = getattr(FreshFolder, "calls", 0) + 1
    if FreshFolder.calls > 1:
        os.kill(os.getpid(), signal.SIGKILL)
FreshFolder.{name} = killed(FreshFolder.{name})
from telemetry_core.cli import main; main()
"""
PLACES = {
    "before the disk has a page": {"name": "sync", "before": "die()", "after": ""},
    "before a page is deleted": {"name": "sync", "before": "", "after": "die()"},
    "in the middle of a page": {"name": "put", "before": "", "after": "die()"},
}


def test_letters_arrive_at_their_sink_alone(
    call: Any, ask: Any, bury: Any, got: Any, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    ids = bury(3)
    monkeypatch.setenv("TELEMETRY_ACTIVE", "ndjson,shaky")
    told = ask("dlq", "retry")
    assert told["ok"]
    assert told["sinks"]["shaky"]["delivered"] == 3
    assert got() == ids
    assert list((store / "raw").glob("*")) == []
    assert call("dlq", "list").stdout == "There are no dead letters.\n"


def test_there_may_be_more_than_one_round(ask: Any, bury: Any, got: Any) -> None:
    ids = bury(10_001)
    assert ask("dlq", "retry")["sinks"]["shaky"]["delivered"] == 10_001
    assert sorted(got()) == ids


def test_only_what_is_selected_is_retried(ask: Any, bury: Any, letters: DeadLetters) -> None:
    bury(3, code="bad")
    bury(3, code="worse")
    assert ask("dlq", "retry", "--code", "bad", "--limit", "2")["sinks"]["shaky"]["delivered"] == 2
    assert letters.count() == {"shaky": 4}


def test_what_is_refused_again_is_a_letter_again(
    call: Any, bury: Any, got: Any, letters: DeadLetters
) -> None:
    ids = bury(3)
    Path("refused").write_text(ids[1])
    done = call("dlq", "retry", "--json")
    assert done.exit_code == 1
    sink = json.loads(done.stdout)["sinks"]["shaky"]
    assert (sink["delivered"], sink["refused"], sink["waiting"]) == (2, 1, 0)
    assert [(one.record_id, one.code) for one in letters.list()] == [(ids[1], "still_bad")]


def test_what_a_dead_sink_does_not_take_waits_for_it(
    call: Any, ask: Any, bury: Any, got: Any
) -> None:
    ids = bury(3)
    Path("down").touch()
    assert ask("dlq", "retry", "--timeout", "0.1")["sinks"]["shaky"]["waiting"] == 3
    Path("down").unlink()
    assert call("flush").exit_code == 0
    assert sorted(got()) == ids


def test_letters_of_a_sink_that_is_not_active_stay(
    call: Any, bury: Any, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(3)
    monkeypatch.setenv("TELEMETRY_ACTIVE", "ndjson")
    done = call("dlq", "retry")
    assert done.exit_code == 1
    assert "it is not active here" in done.stdout
    assert letters.count() == {"shaky": 3}


def test_letters_of_a_sink_that_reads_no_disk_stay(
    call: Any, bury: Any, letters: DeadLetters
) -> None:
    bury(3)
    Path("telemetry.toml").write_text('[plugins.shaky]\ndelivery = "memory"\n')
    done = call("dlq", "retry")
    assert done.exit_code == 1
    assert "it takes nothing from the disk" in done.stdout
    assert letters.count() == {"shaky": 3}


def test_a_run_among_the_letters_is_not_taken_for_one_that_was_killed(
    ask: Any, installed: Any, got: Any
) -> None:
    installed(REFUSES_STARTS)
    with TelemetryClient(load_config()) as client, client.track_run("worker", "job"):
        pass
    assert client.get_stats()["sinks"]["shaky"]["refused"] == 1
    Path("open").touch()
    assert ask("dlq", "retry")["sinks"]["shaky"]["delivered"] == 1
    assert Counter(kind.split("-")[0] for kind in got()) == {"end_run": 1, "start_run": 1}


REFUSES_STARTS = """
import pathlib
from attrs import define
from telemetry_core import Receipt, Rejection, hookimpl

@define(eq=False)
class Shaky:
    @hookimpl
    def ship_batch(self, batch):
        no = () if pathlib.Path("open").exists() else ("start_run",)
        good = [record for record in batch if record.kind not in no]
        with open("got", "a") as got:
            got.writelines(f"{record.kind.value}\\n" for record in good)
        bad = {r.id: Rejection("too_early", "no") for r in batch if r.kind in no}
        return Receipt.of([record.id for record in good], bad)
"""


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_killed_in_the_middle_it_loses_nothing(
    call: Any, bury: Any, got: Any, letters: DeadLetters, place: dict[str, str]
) -> None:
    ids = bury(1200)
    code = KILLED_AT.format(**place)
    killed = subprocess.run([sys.executable, "-c", code, "dlq", "retry"], timeout=60, check=False)
    assert killed.returncode < 0
    call("flush")
    call("dlq", "retry")
    assert set(got()) == set(ids)
    assert max(Counter(got()).values()) <= 2
    assert letters.count() == {}


def test_two_at_once_deliver_each_letter_once(bury: Any, got: Any, letters: DeadLetters) -> None:
    ids = bury(6000)
    command = [*TELEMETRY, "dlq", "retry"]
    both = [subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL) for _ in "12"]
    assert {process.wait(60) for process in both} <= {0, 1}
    subprocess.run([*TELEMETRY, "flush"], check=True, timeout=60, capture_output=True)
    assert sorted(got()) == ids
    assert letters.count() == {}


def test_where_the_spool_takes_nothing_the_letters_stay(
    call: Any, bury: Any, store: Path, letters: DeadLetters
) -> None:
    bury(3)
    (store / "spool").write_text("a file where the folder should be")
    done = call("dlq", "retry")
    assert done.exit_code == 1
    assert letters.count() == {"shaky": 3}


def test_disabled_telemetry_delivers_nothing(
    call: Any, bury: Any, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(1)
    monkeypatch.setenv("TELEMETRY_DISABLED", "1")
    assert "unset it" in call("dlq", "retry").stderr
    assert letters.count() == {"shaky": 1}


def test_killed_at_any_moment_it_loses_nothing(
    call: Any, bury: Any, got: Any, store: Path, letters: DeadLetters
) -> None:
    ids = bury(6000)

    def signs() -> int:
        return len(got()) + len(list(store.glob("spool/*/")))

    for later in (0.0, 0.01, 0.0, 0.05, 0.1):
        before = signs()
        process = subprocess.Popen([*TELEMETRY, "dlq", "retry"], stdout=subprocess.DEVNULL)
        while process.poll() is None and signs() == before:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.005)
        with suppress(subprocess.TimeoutExpired):
            process.wait(later)
        process.kill()
        process.wait()
    call("flush")
    call("dlq", "retry")
    assert set(got()) == set(ids)
    assert letters.count() == {}


def test_letters_of_many_megabytes_go_through(ask: Any, bury: Any, got: Any) -> None:
    ids = bury(60, text="x" * 100_000)
    assert ask("dlq", "retry")["sinks"]["shaky"]["delivered"] == 60
    assert sorted(got()) == ids
