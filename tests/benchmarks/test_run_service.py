"""What the run service is measured with: a light client, a full database, the figures of another."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import RunQueries

from benchmarks.beside_known import BesideKnown, Known
from benchmarks.keep_alive import KeepAlive, crowd, request
from benchmarks.many_runs import fill, filters, path
from benchmarks.sections import run_service
from benchmarks.sink_server import SinkServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = BesideKnown(
    "Calls",
    "theirs",
    (
        Known("POST", "run_service.single", "post_ms", 1.9),
        Known("writes", "run_service.writers", "per_second", 500, "/s", at_least=True),
        Known("reads", "run_service.many", "get_ms", 10),
    ),
)
MEASURED: dict[str, list[dict[str, float]]] = {
    "run_service.single": [{"post_ms": 1.0}, {"post_ms": 0.9}, {"post_ms": 0.95}],
    "run_service.writers": [{"per_second": 3000}],
}


@pytest.fixture(scope="module")
def server() -> Iterator[SinkServer]:
    with SinkServer() as server:
        yield server


@pytest.fixture
def port(server: SinkServer) -> int:
    server.behave()
    return int(server.url.rpartition(":")[2].strip("/"))


def test_a_connection_is_used_again_and_answers_are_read_to_their_end(port: int) -> None:
    client = KeepAlive(port)
    told = request("POST", "/", b"{}")
    assert len({client.ask(told) for _ in range(3)}) == 1
    client.close()


def test_what_is_refused_is_an_error_that_says_what_was_asked(
    server: SinkServer, port: int
) -> None:
    server.misbehave("fail", status=503)
    client = KeepAlive(port)
    with pytest.raises(RuntimeError, match=r"POST / HTTP/1\.1: 503"):
        client.ask(request("POST", "/", b"{}"))
    client.close()


def test_a_crowd_counts_what_was_acknowledged(port: int) -> None:
    done = crowd(port, 3, 0.05, repeat(request("POST", "/", b"{}")))
    assert len(done.taken) >= 3
    assert done.refused == 0


def test_a_full_database_is_one_of_ours_with_all_its_indexes(tmp_path: Path) -> None:
    fill(tmp_path / "many.sqlite", 50)
    fill(tmp_path / "one.sqlite", 1)
    queries = RunQueries(str(tmp_path / "many.sqlite"))
    assert queries.get_stats()["total_runs"] == queries.totals().total_runs == 50
    assert _schema(tmp_path / "many.sqlite") == _schema(tmp_path / "one.sqlite")


def _schema(database: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master"))


def test_every_combination_of_filters_is_asked_once() -> None:
    every = [path(which) for which in filters()]
    assert len(every) == len(set(every)) == 4 * 3**4
    assert every[0] == "/api/v1/runs"


def test_ours_stands_beside_what_is_known_of_theirs() -> None:
    assert TABLE.markdown(MEASURED, {"run_service.many"}).splitlines()[2:] == [
        "| POST | 0.95 ms (0.90 to 1) | 1.90 ms | 2x |",
        "| writes | 3 000 /s | 500 /s | 6x |",
        "| reads | failed | 10 ms |  |",
    ]


def test_a_small_service_is_measured_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SINGLE": 3, "BATCHES": 2, "A_BATCH": 5, "SECONDS": 0.1}.items():
        monkeypatch.setattr(run_service, name, value)
    measured = {
        f"run_service.{name}": run_service.CASES[name](_new(tmp_path / name))
        for name in ("by_hand", "single", "writers", "library")
    }
    wanted = {(row.case, row.figure) for row in run_service.ROWS if row.case in measured}
    assert [(case, figure) for case, figure in wanted if not measured[case][figure]] == []


def test_a_database_of_many_is_asked_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"READS": 1, "PAGES": 1, "TRIES": 1}.items():
        monkeypatch.setattr(run_service, name, value)
    found = run_service.many(100, _new(tmp_path / "many"))
    wanted = {row.figure for row in run_service.ROWS if row.case == "run_service.million"}
    assert [figure for figure in wanted if not found[figure]] == []


def _new(folder: Path) -> str:
    folder.mkdir()
    return str(folder)
