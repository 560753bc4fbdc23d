"""`spool ls` and `spool show` tell what waits in which folder, and take nothing."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from telemetry_core.delivery.spool.owner import Owner

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_empty_spool_is_said(call: Any) -> None:
    done = call("spool", "ls")
    assert done.exit_code == 0
    assert "The spool is empty" in done.stdout


def test_a_folder_is_listed_with_its_owner_and_what_waits(
    call: Any, ask: Any, killed: Any, store: Path
) -> None:
    killed(TELEMETRY_SERVICE="crawler")
    (folder,) = ask("spool", "ls")["folders"]
    (path,) = store.glob("spool/*/")
    assert folder["folder"] == path.name
    assert (folder["service"], folder["alive"], folder["problem"]) == ("crawler", False, None)
    assert folder["pending"] == {"sqlite": 3, "ndjson": 3}
    assert folder["bytes"] == sum(segment.stat().st_size for segment in path.glob("*.seg"))
    assert "3 for sqlite, 3 for ndjson" in call("spool", "ls").stdout


def test_a_living_owner_is_named(ask: Any, alive: Any) -> None:
    process = alive()
    (folder,) = ask("spool", "ls")["folders"]
    assert (folder["pid"], folder["alive"]) == (process.pid, True)


def test_a_folder_of_a_later_version_is_listed_as_a_problem(
    call: Any, killed: Any, store: Path
) -> None:
    killed()
    (owner,) = store.glob("spool/*/owner.json")
    owner.write_text(json.dumps({**json.loads(owner.read_text()), "format": 99}))
    assert "format 99" in call("spool", "ls").stdout
    done = call("spool", "show", owner.parent.name)
    assert done.exit_code == 1
    assert "it is left alone" in done.stderr


def test_what_waits_is_shown_and_for_whom(call: Any, ask: Any, killed: Any, store: Path) -> None:
    killed()
    (path,) = store.glob("spool/*/")
    told = ask("spool", "show", path.name[:3])
    assert [record["payload"]["number"] for record in told["records"]] == [0, 1, 2]
    assert told["records"][0]["waits_for"] == ["sqlite", "ndjson"]
    assert "number=1" in call("spool", "show", str(path)).stdout


def test_no_more_is_shown_than_asked(call: Any, ask: Any, killed: Any, store: Path) -> None:
    killed()
    (path,) = store.glob("spool/*/")
    told = ask("spool", "show", path.name, "--limit", "2")
    assert (len(told["records"]), told["more"]) == (2, True)
    assert "and more" in call("spool", "show", path.name, "--limit", "2").stdout


def test_what_one_sink_has_is_shown_for_the_other_only(
    call: Any, ask: Any, killed: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed()
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    call("flush")
    (folder,) = [one for one in ask("spool", "ls")["folders"] if one["pending"]]
    assert folder["pending"] == {"ndjson": 3}
    told = ask("spool", "show", folder["folder"])
    assert {tuple(record["waits_for"]) for record in told["records"]} == {("ndjson",)}
    assert ask("spool", "show", folder["folder"], "--sink", "sqlite")["records"] == []


def test_a_folder_that_is_not_there_is_an_answer(call: Any, killed: Any) -> None:
    killed()
    for name in ("zzzz", "../..", ""):
        done = call("spool", "show", name)
        assert done.exit_code == 1
        assert "see: telemetry spool ls" in done.stderr


def test_a_folder_that_goes_while_it_is_looked_at_is_no_trouble(
    call: Any, killed: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed()
    (path,) = store.glob("spool/*/")
    load = Owner.load

    def vanish(folder: Path) -> Owner | None:
        owner = load(folder)
        shutil.rmtree(folder)
        return owner

    monkeypatch.setattr(Owner, "load", vanish)
    done = call("spool", "show", path.name)
    assert done.exit_code == 1
    assert "is gone" in done.stderr


def test_looking_leaves_every_file_as_it_is(call: Any, killed: Any, store: Path) -> None:
    killed()
    (folder,) = store.glob("spool/*/")
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    call("spool", "ls")
    call("spool", "show", folder.name)
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_a_line_longer_than_any_chunk_is_read(ask: Any, started: Any) -> None:
    process = started(
        "import sys\n"
        "from telemetry_core import TelemetryClient\n"
        "client = TelemetryClient()\n"
        "client.capture('large', 'me', {'text': 'x' * 3_000_000})\n"
        "client.capture('small')\n"
        "print('recorded', flush=True)\n"
        "sys.stdin.readline()\n",
        TELEMETRY_LINGER="3600",
    )
    process.kill()
    process.wait()
    (folder,) = ask("spool", "ls")["folders"]
    told = ask("spool", "show", folder["folder"])["records"]
    assert [record["event_type"] for record in told] == ["large", "small"]
