from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from attrs import define, field

from telemetry_core.credentials import Secret
from telemetry_core.delivery.state import Pause, Saved, SinkState, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock

PAUSE = Pause(600.0, "http_401", "no key")
CIRCUIT = {"state": "open", "failures": 5, "recovery": 60.0, "retry_in": 40.0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "posthog.json"


@pytest.fixture
def state(path: Path, telemetry_clock: FakeClock) -> SinkState:
    return SinkState(path, telemetry_clock)


def test_without_a_file_all_is_well(state: SinkState) -> None:
    assert state.load("key") == Saved()


def test_what_was_saved_is_there_for_the_next_process(
    state: SinkState, path: Path, telemetry_clock: FakeClock
) -> None:
    state.save("key", CIRCUIT, PAUSE)
    assert SinkState(path, telemetry_clock).load("key") == Saved(PAUSE, CIRCUIT)


def test_the_last_error_is_kept_as_one_line_of_some_length(state: SinkState) -> None:
    state.save("key", CIRCUIT, None, "no\nroute\tto host " + "x" * 10_000)
    kept = state.load("key").last_error
    assert kept.startswith("no route to host x")
    assert len(kept) == 300


def test_a_file_without_a_last_error_is_read_too(state: SinkState, path: Path) -> None:
    state.save("key", CIRCUIT, PAUSE)
    data = json.loads(path.read_text())
    del data["last_error"]
    path.write_text(json.dumps(data))
    assert state.load("key") == Saved(PAUSE, CIRCUIT)


def test_what_is_written_of_a_key_differs_from_installation_to_installation(
    tmp_path: Path, telemetry_clock: FakeClock
) -> None:
    texts = []
    for name in ("one", "other"):
        path = tmp_path / name / "sink.json"
        SinkState(path, telemetry_clock).save("key", CIRCUIT, PAUSE)
        texts.append(json.loads(path.read_text())["key"])
    assert texts[0] != texts[1]
    assert "key" not in texts


def test_where_the_salt_cannot_be_had_nothing_is_remembered_and_nothing_raised(
    state: SinkState, path: Path
) -> None:
    (path.parent / ".salt").mkdir(parents=True)
    state.save("key", CIRCUIT, PAUSE)
    assert state.load("key") == Saved()


def test_the_time_since_counts(state: SinkState, telemetry_clock: FakeClock) -> None:
    state.save("key", CIRCUIT, PAUSE)
    telemetry_clock.advance(100)
    saved = state.load("key")
    assert saved.pause is not None
    assert (saved.pause.seconds, saved.circuit["retry_in"]) == (500.0, 0.0)


@pytest.mark.parametrize("wall", [0, -(10**18)])
def test_a_clock_that_went_back_makes_nothing_longer(
    state: SinkState, telemetry_clock: FakeClock, wall: int
) -> None:
    state.save("key", CIRCUIT, PAUSE)
    telemetry_clock.set_wall(wall)
    assert state.load("key") == Saved(PAUSE, CIRCUIT)


def test_another_destination_or_setting_starts_afresh(state: SinkState) -> None:
    state.save("key", CIRCUIT, PAUSE)
    assert state.load("another") == Saved()


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"key": "key", "time": "noon", "circuit": {}, "pause": null}',
        b'{"key": "key", "time": 0, "circuit": {"retry_in": []}, "pause": null}',
        b'{"key": "key", "time": 0, "circuit": {}, "pause": {"seconds": "long"}}',
        b'{"key": "key", "time": 0, "circuit": {}, "pause": {"seconds": Infinity}}',
        b'{"key": "key", "time": 0, "circuit": {}, "pause": {"minutes": 5}}',
    ],
)
def test_a_file_that_cannot_be_read_is_set_aside_and_reported(
    state: SinkState, path: Path, junk: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(junk)
    assert state.load("key") == Saved()
    assert not path.exists()
    (aside,) = path.parent.glob("posthog.json.corrupt-*")
    assert aside.read_bytes() == junk
    assert aside.name in caplog.text


def test_a_place_that_cannot_be_written_raises_nothing(state: SinkState, path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    state.save("key", CIRCUIT, PAUSE)
    state.clear()
    assert state.load("key") == Saved()
    assert not state.cleared()


def test_only_what_was_saved_can_be_cleared_by_another_process(
    state: SinkState, path: Path, telemetry_clock: FakeClock
) -> None:
    assert not state.cleared()
    state.save("key", CIRCUIT, PAUSE)
    assert not state.cleared()
    SinkState(path, telemetry_clock).clear()
    assert state.cleared()


def test_what_was_loaded_can_be_cleared_too(
    state: SinkState, path: Path, telemetry_clock: FakeClock
) -> None:
    state.save("key", CIRCUIT, PAUSE)
    later = SinkState(path, telemetry_clock)
    later.load("key")
    state.clear()
    assert later.cleared()


@pytest.mark.skipif(sys.platform == "win32", reason="no permission bits")
def test_the_file_is_for_its_owner_alone(state: SinkState, path: Path) -> None:
    state.save("key", CIRCUIT, PAUSE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name(".salt").stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_saving_leaves_nothing_else_behind(state: SinkState, path: Path) -> None:
    state.save("key", CIRCUIT, PAUSE)
    state.save("key", {}, None)
    assert sorted(os.listdir(path.parent)) == [".salt", "posthog.json"]
    assert json.loads(path.read_text())["pause"] is None


@define(eq=False)
class Plugin:
    """A plugin with a secret and with something that is no setting."""

    url: str = "https://example.org"
    api_key: Secret = field(factory=lambda: Secret("s3cret"))
    calls: int = field(default=0, init=False)


def test_the_fingerprint_changes_with_destination_setting_and_secret() -> None:
    marks = {
        fingerprint("there", Plugin()),
        fingerprint("elsewhere", Plugin()),
        fingerprint("there", Plugin(url="https://example.com")),
        fingerprint("there", Plugin(api_key=Secret("another"))),
    }
    assert len(marks) == 4


def test_the_fingerprint_does_not_change_with_what_happens() -> None:
    busy = Plugin()
    busy.calls = 7
    assert fingerprint("there", busy) == fingerprint("there", Plugin())


def test_the_fingerprint_does_not_change_with_a_function_that_each_process_has_anew() -> None:
    @define(eq=False)
    class Asking:
        find_store: Callable[[], None] | None = None

    assert fingerprint("there", Asking(lambda: None)) == fingerprint("there", Asking(lambda: None))


def test_a_plain_object_has_a_fingerprint_too() -> None:
    assert fingerprint(None, object()) == fingerprint(None, object())
