"""One service a database, by whatever path it is named, and nothing to clean up after a crash."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_run_service.process.guard import Guard, lock_of
from telemetry_run_service.process.refusals import DatabaseRefusedError, DatabaseTakenError

from telemetry_core import try_lock
from tests.forked import ended, forked, kill_myself

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.run_service.process.conftest import Service

    Start = Callable[..., Service]
    Refused = Callable[..., tuple[int | None, str]]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return the path of a database."""
    return str(tmp_path / "runs.sqlite")


def said_in_the_lock(database: str) -> Any:
    """Return what its holder says of itself."""
    with open(lock_of(database), encoding="utf-8") as lock:
        return json.load(lock)


def test_a_second_service_is_told_who_has_the_database(
    serve: Start, refused: Refused, database: str
) -> None:
    first = serve("--db", database)
    code, why = refused("--db", database)
    assert (code, why.count("\n")) == (4, 1)
    assert f"another service has {database}: process {first.pid}, on " in why
    assert f", at {first.said['url']}, since 20" in why


def test_a_hard_link_opens_no_second_door(database: str) -> None:
    with open(database, "wb"):
        os.link(database, f"{database}.too")
    for one, two in ((database, f"{database}.too"), (f"{database}.too", database)):
        with Guard(one), pytest.raises(DatabaseTakenError, match="another service"):
            Guard(two).__enter__()


def test_another_lock_file_opens_no_second_door(
    serve: Start, refused: Refused, database: str, tmp_path: Path
) -> None:
    serve("--db", database, TELEMETRY_LOCK_FILE=str(tmp_path / "one.lock"))
    code, _ = refused("--db", database, TELEMETRY_LOCK_FILE=str(tmp_path / "two.lock"))
    assert code == 4


def test_a_lock_file_that_is_named_is_taken_too(
    serve: Start, refused: Refused, tmp_path: Path
) -> None:
    named = {"TELEMETRY_LOCK_FILE": str(tmp_path / "one.lock")}
    first = serve("--db", "one.sqlite", **named)
    assert json.loads((tmp_path / "one.lock").read_text())["pid"] == first.pid
    assert refused("--db", "two.sqlite", **named)[0] == 4


def test_the_folder_of_a_lock_file_is_made(serve: Start, tmp_path: Path) -> None:
    first = serve(TELEMETRY_LOCK_FILE="locks/here/one.lock")
    lock = tmp_path / "locks" / "here" / "one.lock"
    assert json.loads(lock.read_text())["pid"] == first.pid


def test_a_lock_file_in_no_folder_is_refused_by_its_name(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, why = refused(TELEMETRY_LOCK_FILE="file/one.lock")
    assert (code, why.rpartition("; ")[2]) == (5, "name another file: TELEMETRY_LOCK_FILE\n")


def test_two_databases_may_be_served_at_once(serve: Start) -> None:
    for service in (serve("--db", "one.sqlite"), serve("--db", "two.sqlite")):
        assert service.ask("GET", "/health")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_service_takes_what_the_last_one_left(
    number: int, serve: Start, database: str
) -> None:
    serve("--db", database).stop(number)
    assert os.path.exists(lock_of(database))
    again = serve("--db", database)
    assert said_in_the_lock(database)["pid"] == again.pid


def test_links_and_relative_paths_lead_to_the_same_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "runs").symlink_to("real/runs.sqlite")  # also while there is no database yet
    monkeypatch.chdir(tmp_path / "real")
    paths = ["runs.sqlite", "../link/runs.sqlite", "../runs", str(tmp_path / "link/runs.sqlite")]
    assert {lock_of(path) for path in paths} == {f"{tmp_path}/real/runs.sqlite.service.lock"}
    with Guard("../runs"):
        for path in paths:
            with pytest.raises(DatabaseTakenError), Guard(path):
                pass


def test_who_is_refused_leaves_what_the_holder_said(database: str) -> None:
    with Guard(database) as guard:
        guard.tell("http://127.0.0.1:8765")
        for _ in range(2):
            with (
                pytest.raises(DatabaseTakenError, match=r"at http://127\.0\.0\.1:8765"),
                Guard(database),
            ):
                pass


def test_a_lock_that_says_nothing_readable_is_respected_all_the_same(database: str) -> None:
    with Guard(database):
        for content in ("", "{", "[1]", '{"pid": "a\\nb", "url": ["x"]}'):
            with open(lock_of(database), "w") as lock:
                lock.write(content)
            with pytest.raises(DatabaseTakenError, match="does not say which"), Guard(database):
                pass


def test_after_its_end_nobody_is_said_to_be_there(database: str) -> None:
    with Guard(database):
        assert said_in_the_lock(database)["pid"] == os.getpid()
    assert os.path.getsize(lock_of(database)) == 0


def test_who_is_killed_lets_go(database: str) -> None:
    def hold() -> None:
        Guard(database).__enter__()
        kill_myself()

    assert ended(forked(hold)) == -signal.SIGKILL
    with Guard(database):
        pass


def test_a_lock_that_was_unlinked_meanwhile_is_none(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opened the file before it was unlinked locks what nobody else will ever open."""
    from telemetry_run_service.process import guard

    tries = []

    def unlinked_first(descriptor: int) -> bool:
        tries.append(descriptor)
        if len(tries) == 1:
            os.unlink(lock_of(database))
        return try_lock(descriptor)

    monkeypatch.setattr(guard, "try_lock", unlinked_first)
    with Guard(database):
        assert os.path.exists(lock_of(database))
        with pytest.raises(DatabaseTakenError), Guard(database):
            pass
    assert len(tries) == 3


def test_only_one_of_many_that_start_at_once_gets_it(database: str, tmp_path: Path) -> None:
    told, tell = os.pipe()
    wait, go = os.pipe()

    def contend() -> None:
        os.close(go)
        os.read(wait, 1)  # until all are there
        try:
            Guard(database).__enter__()
        except DatabaseTakenError:
            os.write(tell, b"-")
        else:
            os.write(tell, b"+")
            os.read(wait, 1)
            signal.pause()

    children = [forked(contend) for _ in range(8)]
    os.close(go)
    said = b"".join(os.read(told, 1) for _ in children)
    for child in children:
        os.kill(child, signal.SIGKILL)
        ended(child)
    for descriptor in (told, tell, wait):
        os.close(descriptor)
    assert sorted(said) == sorted(b"+" + b"-" * 7)


def test_a_place_that_takes_no_lock_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite.service.lock").mkdir()
    with (
        pytest.raises(DatabaseRefusedError, match="cannot be locked"),
        Guard(str(tmp_path / "runs.sqlite")),
    ):
        pass
