"""What is damaged, foreign or in the way is set aside or left alone; the rest is delivered."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.conftest import Home

LEAVE_TWO = """
client = TelemetryClient()
say(client, 1, 2)
{more}
os._exit(0)
"""
WITHOUT_ROOT = """
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
class Keeper:
    said = []
    @hookimpl
    def ship_batch(self, batch):
        self.said += [record.body.payload["n"] for record in batch]
"""


def left_behind(home: Home, more: str = "") -> Path:
    """Return the folder of a program that ended without delivering."""
    before = set(home.folders())
    home.run(LEAVE_TWO.format(more=more), TELEMETRY_LINGER="600")
    [folder] = set(home.folders()) - before
    return folder


def test_the_adopter_delivers_and_removes_folder_and_lock(home: Home) -> None:
    folder = left_behind(home)
    assert home.said() == [1, 2]
    assert not folder.exists()
    assert not folder.with_name(folder.name + ".lock").exists()


def test_a_corrupt_line_is_set_aside_and_reported(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    [segment] = left_behind(home).glob("standard-*.seg")
    raw = segment.read_bytes()
    segment.write_bytes(raw.replace(b'"n":1', b'"n":7', 1))
    assert home.said() == [2]
    [aside] = (home.base_dir / "damaged").iterdir()
    assert b'"n":7' in aside.read_bytes()
    assert "damaged" in caplog.text


def test_a_record_torn_by_a_crash_is_no_record(home: Home) -> None:
    [segment] = left_behind(home).glob("standard-*.seg")
    segment.write_bytes(segment.read_bytes()[:-5])
    assert home.said() == [1]
    assert home.folders() == []


def test_a_segment_that_is_garbage_as_a_whole_stops_nobody(home: Home) -> None:
    folder = left_behind(home)
    [segment] = folder.glob("standard-*.seg")
    segment.rename(folder / "standard-000002.seg")
    segment.write_bytes(os.urandom(3000) + b"\n\n\x00\n")
    assert home.said() == [1, 2]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}'])
def test_a_corrupt_owner_is_set_aside_and_its_records_delivered(
    home: Home, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (left_behind(home) / "owner.json").write_bytes(content)
    assert home.said() == [1, 2]
    assert "owner.json is corrupt" in caplog.text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1, "positions": 3}'])
def test_a_corrupt_cursor_begins_anew_and_nothing_is_stored_twice(
    home: Home, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    folder = left_behind(home, "client.flush()\nsay(client, 3)")
    (folder / "cursors" / "sqlite.log").write_bytes(content)
    assert home.said() == [1, 2, 3]
    assert "sqlite.log is corrupt" in caplog.text


def test_corrupt_dead_letters_are_set_aside_and_new_ones_kept(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    left_behind(home)
    (home.base_dir / "dead_letters.sqlite").write_bytes(b"no database at all" * 100)
    program = """
import logging; logging.basicConfig()
class Refusing:
    @hookimpl
    def ship_batch(self, batch):
        from telemetry_core import Receipt, Rejection
        return Receipt.of(rejected={record.id: Rejection("no", "never") for record in batch})
client = TelemetryClient(plugins=[Refusing()])
say(client, 3)
report = client.flush()
assert report.refused == 1, report
"""
    assert "dead_letters.sqlite" in home.run(program)
    assert home.said() == [1, 2, 3]
    assert len(list(home.base_dir.glob("dead_letters.sqlite*corrupt*"))) >= 1


def test_a_corrupt_runs_database_is_set_aside_and_begun_anew(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    left_behind(home)
    database = home.base_dir / "db" / "telemetry.sqlite"
    database.parent.mkdir(exist_ok=True)
    database.write_bytes(b"no database at all" * 100)
    assert home.said() == [1, 2]
    assert "telemetry.sqlite" in caplog.text
    assert len(list(database.parent.iterdir())) >= 2


@pytest.mark.parametrize("said", [{"format": 99}, {"service": "another"}])
def test_an_unknown_format_and_another_service_are_left_alone(
    home: Home, said: dict[str, object]
) -> None:
    folder = left_behind(home)
    owner = folder / "owner.json"
    owner.write_text(json.dumps({**json.loads(owner.read_text()), **said}))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    home.flush()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_is_kept_for_a_sink_that_is_not_active_here(home: Home) -> None:
    program = "c = TelemetryClient(); say(c, 1); os._exit(0)"
    home.run(program, TELEMETRY_ACTIVE="sqlite,ndjson", TELEMETRY_LINGER="600")
    assert home.said() == [1]
    assert len(home.folders()) == 1
    client = home.client(TELEMETRY_ACTIVE="ndjson")
    assert client.flush(30)
    client.close()
    assert home.folders() == []
    [file] = (home.base_dir / "raw").glob("*.ndjson")
    assert r"{\"n\":1}" in file.read_text()


def test_a_sink_that_is_added_later_gets_nothing_recorded_before(home: Home) -> None:
    left_behind(home)
    client = home.client(TELEMETRY_ACTIVE="sqlite,ndjson")
    assert client.flush(30)
    client.close()
    assert list((home.base_dir / "raw").glob("*.ndjson")) == []


def test_the_folder_of_a_living_process_is_never_adopted(home: Home) -> None:
    program = home.start(
        "c = TelemetryClient(); say(c, 1); print(flush=True); sys.stdin.read(); os._exit(0)",
        TELEMETRY_LINGER="600",
    )
    program.stdout.readline()
    client = home.client()
    assert client.flush(30).delivered == 0
    client.close()
    program.communicate()
    assert home.said() == [1]


def test_a_base_directory_that_cannot_be_written_is_said_once_and_others_deliver(
    home: Home,
) -> None:
    home.base_dir.mkdir(mode=0o700)
    home.base_dir.parent.chmod(0o755)
    if os.getuid() != 0:
        home.base_dir.chmod(0)
    output = home.run(f"""{WITHOUT_ROOT}
import logging; logging.basicConfig()
config = load_config(environ=os.environ)
config.active = ()
client = TelemetryClient(config, plugins=[Keeper()])
say(client, *range(10))
report = client.flush()
print(Keeper.said == list(range(10)), report.delivered)
client.close()
""")
    assert output.splitlines()[0] == "True 10"
    assert output.count("takes no records") == 1
