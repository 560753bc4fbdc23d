"""A database that is locked, gone, replaced, broken or on a full disk, under a service that runs."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.servers.run_service.wire.serving import as_a_process, in_a_thread
from tests.servers.run_service.wire.telling import (
    RECORDS,
    RUNS,
    Api,
    a_record,
    a_run,
    detail,
    own,
    path_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from tests.servers.run_service.wire.serving import Service
    from tests.warm import WarmInterpreter

BUSY = 503
LOCKED = "database is locked"
COMMIT = {"commit_hash": "abc1234", "commit_source": "ci"}


@pytest.fixture(scope="module")
def hasty(
    tmp_path_factory: pytest.TempPathFactory, warm_service: WarmInterpreter
) -> Iterator[Service]:
    """Return a service that waits for locks as briefly as it may."""
    folder = tmp_path_factory.mktemp("hasty") / "service"
    with as_a_process(warm_service, folder, TELEMETRY_DB_BUSY_TIMEOUT_MS="100") as started:
        yield started


@pytest.fixture
def quick(hasty: Service) -> Iterator[Api]:
    with hasty.client() as client:
        yield Api(client)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Have a database locked by another program against everyone, also who only reads."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def taken(database: Path) -> Iterator[None]:
    """Have the turn of the writers, as another program of ours has it in a transaction."""
    with open(f"{database}.writer.lock", "a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


Ask = Callable[[Api, str], httpx.Response]
WRITES: dict[str, Ask] = {
    "create": lambda api, mine: api.post(),
    "patch": lambda api, mine: api.patch(mine, items_failed=1),
    "associate": lambda api, mine: api.associate(mine, **COMMIT),
    "batch": lambda api, mine: api.batch(a_run(), a_run()),
    "records": lambda api, mine: api.client.post(
        RECORDS, json={"records": [a_record("start_run", own())]}
    ),
}


@pytest.mark.parametrize("ask", [WRITES["create"], lambda api, mine: api.client.get(path_of(mine))])
def test_a_lock_that_outlasts_the_patience_is_told(
    hasty: Service, quick: Api, mine: str, ask: Ask
) -> None:
    before = quick.made(event_id=mine)
    with locked(hasty.database):
        answer = ask(quick, mine)

    assert answer.status_code == BUSY
    assert detail(answer).endswith(LOCKED)
    assert int(answer.headers["retry-after"]) > 0
    assert quick.get(mine) == before
    assert ask(quick, mine).status_code in {200, 201}


@pytest.mark.parametrize("ask", WRITES.values(), ids=WRITES)
def test_a_writer_of_another_program_that_does_not_end_is_told(
    hasty: Service, quick: Api, mine: str, ask: Ask
) -> None:
    quick.post(event_id=mine)
    with taken(hasty.database):
        answer = ask(quick, mine)
        assert quick.get(mine)["items_failed"] == 0  # who only reads waits for no writer

    assert answer.status_code == BUSY
    assert detail(answer).endswith(LOCKED)


def test_health_says_of_a_lock_what_is_so(hasty: Service, quick: Api) -> None:
    with locked(hasty.database):
        answer = quick.client.get("/health")

    assert answer.status_code == BUSY
    assert answer.json().get("status") != "ok"
    assert quick.client.get("/health").json()["status"] == "ok"


def test_a_short_lock_is_waited_for_and_others_are_answered_meanwhile(
    service: Service, api: Api, mine: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        with taken(service.database):
            waiting = [pool.submit(posted, service, f"{mine}-{n}") for n in range(8)]
            assert api.client.get("/health").status_code == 200
            assert api.client.get(RUNS, params={"limit": 1}).status_code == 200
            assert not any(one.done() for one in waiting)

        assert [one.result() for one in waiting] == [201] * 8


def test_health_is_answered_while_everybody_waits_for_a_lock(service: Service, mine: str) -> None:
    with ThreadPoolExecutor(9) as pool, service.client() as client:
        with locked(service.database):
            waiting: list[Future[int]] = [
                pool.submit(posted, service, f"{mine}-{n}") for n in range(9)
            ]
            answer = client.get("/health")
            assert not any(one.done() for one in waiting)

        assert answer.status_code in {200, BUSY}
        assert answer.headers["content-type"] == "application/json"
        assert [one.result() for one in waiting] == [201] * 9


def posted(service: Service, mine: str) -> int:
    with service.client() as client:
        return client.post(RUNS, json=a_run(event_id=mine)).status_code


@pytest.fixture(scope="module")
def victim(
    tmp_path_factory: pytest.TempPathFactory, warm_service: WarmInterpreter
) -> Iterator[Service]:
    """Return a service whose database the tests take away."""
    folder = tmp_path_factory.mktemp("victim") / "service"
    with as_a_process(warm_service, folder) as started:
        yield started


@pytest.fixture
def there(victim: Service) -> Iterator[Api]:
    with victim.client() as client:
        yield Api(client)


def test_a_database_that_was_deleted_begins_anew(victim: Service, there: Api, mine: str) -> None:
    there.made(event_id=mine)

    victim.database.unlink()

    assert there.client.get(path_of(mine)).status_code in {404, BUSY}
    assert there.client.get("/health").headers["content-type"] == "application/json"
    assert there.post(event_id=mine).status_code == 201
    assert there.get(mine)["event_id"] == mine
    assert there.total() == 1


def test_a_folder_that_was_deleted_begins_anew(victim: Service, there: Api, mine: str) -> None:
    folder = victim.database.parent
    folder.rename(folder.with_name(mine))

    answers = [there.client.get("/health"), there.post(event_id=mine), there.client.get(RUNS)]

    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
    assert answers[1].status_code in {201, BUSY}
    if answers[1].status_code == BUSY:
        folder.with_name(mine).rename(folder)
    assert there.post().status_code == 201


def test_a_database_that_was_replaced_is_served(
    victim: Service, there: Api, tmp_path: Path, mine: str
) -> None:
    with in_a_thread(tmp_path / "other") as other, other.client() as client:
        Api(client).made(event_id=mine)
    there.post()

    os.replace(other.database, victim.database)

    assert there.get(mine)["event_id"] == mine
    assert there.total() == 1
    assert there.post(event_id=mine).json()["status"] == "duplicate"
    assert there.found() == [mine]


def test_a_database_that_was_broken_is_told_or_set_aside(
    victim: Service, there: Api, mine: str
) -> None:
    there.post()
    victim.database.write_bytes(b"no database" * 1000)

    answers = [there.client.get("/health"), there.client.get(RUNS), there.post(event_id=mine)]

    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
    assert answers[0].status_code == BUSY
    assert all(answer.status_code in {200, 201, BUSY} for answer in answers)
    if answers[2].status_code == BUSY:
        victim.database.unlink()
    assert there.post().status_code == 201
