"""What the run service takes for an answer, as a process of its own, over few and many runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.json import encode
from telemetry_sqlite import RunFilter, RunQueries

from benchmarks.beside_known import BesideKnown, Known
from benchmarks.keep_alive import KeepAlive, crowd, request
from benchmarks.many_runs import INSERT, fill, filters, path, rows
from benchmarks.running_service import run_service
from benchmarks.story import laps, spread
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = "/api/v1/runs"
NUMBER = 9_876_543_210  # which nothing else in a run looks like
SINGLE, BATCHES, A_BATCH = 300, 40, 100
CLIENTS, SECONDS = 8, 3.0
READS, PAGES, TRIES = 100, 30, 3
FEW, HUNDRED_THOUSAND, MILLION = 400, 100_000, 1_000_000
SINGLES = {
    "agent_name": {"agent_name": "agent-00"},
    "job_type": {"job_type": "job-01"},
    "status": {"status": "failure"},
    "created": {"created_before": "2026-01-16T00:00:00+00:00"},
    "start_time": {"start_time_from": "2026-01-16T00:00:00+00:00"},
}


def a_run(number: int, status: str = "running") -> dict[str, Any]:
    """Return the body of a run, with the fields that a program of some size gives."""
    return {
        "event_id": f"told-{number:010}",
        "run_id": f"20260201T000000Z-crawler-{number:010}",
        "created_at": "2026-02-01T00:00:00.250000+00:00",
        "start_time": "2026-02-01T00:00:00.000000+00:00",
        "agent_name": "agent-00",
        "job_type": "job-00",
        "status": status,
        "product": "shop",
        "website": "example.org",
        "item_name": "pages/7",
        "items_discovered": 12,
        "items_succeeded": 11,
        "duration_ms": 4321,
        "git_repo": "https://example.org/shop.git",
        "git_branch": "main",
        "host": "host-1",
        "environment": "production",
        "trigger_type": "scheduler",
        "metrics_json": {"pages": 12, "bytes": 51_200, "rate": 0.917},
    }


def posts() -> Iterator[bytes]:
    """Give one request after the other, each of which tells of a run that begins."""
    first = request("POST", RUNS, encode(a_run(NUMBER)))
    mark = b"%010d" % NUMBER
    return (first.replace(mark, b"%010d" % number) for number in count())


def single(directory: str) -> dict[str, float]:
    """Tell of one run after the other, then how each ended, then of a hundred at a time."""
    ended = encode({"status": "success", "duration_ms": 4321, "items_succeeded": 11})
    told = posts()
    with run_service(Path(directory, "telemetry.sqlite")) as service:
        client = KeepAlive(service.port)
        client.ask(next(told))
        post = _p50(client, [next(told) for _ in range(SINGLE)])
        patch = _p50(
            client,
            [request("PATCH", f"{RUNS}/told-{number:010}", ended) for number in range(SINGLE)],
        )
        batch = _p50(client, [_batch(number) for number in range(BATCHES)])
        client.close()
        figures = {"post_ms": post, "patch_ms": patch, "batch_ms": batch}
        return figures | {"start_s": service.seconds, "peak_mb": service.peak_mb()}


def _batch(number: int) -> bytes:
    first = (number + 1) * 1_000_000
    some = [a_run(first + each, "success") for each in range(A_BATCH)]
    return request("POST", f"{RUNS}/batch", encode(some))


def writers(directory: str) -> dict[str, float]:
    """Have eight clients tell of runs at once, each one after the other."""
    with run_service(Path(directory, "telemetry.sqlite")) as service:
        told = posts()
        crowd(service.port, CLIENTS, 0.2, told)
        done = crowd(service.port, CLIENTS, SECONDS, told)
        peak = service.peak_mb()
    if done.refused:
        raise RuntimeError(f"{done.refused} requests were refused")
    taken = sorted(done.taken)
    return {
        "per_second": len(taken) / done.seconds,
        "p50_ms": taken[len(taken) // 2] * 1e3,
        "p99_ms": taken[len(taken) * 99 // 100] * 1e3,
        "worst_ms": taken[-1] * 1e3,
        "peak_mb": peak,
    }


def many(runs: int, directory: str) -> dict[str, float]:
    """Ask for pages, for every combination of filters, and for figures, of so many runs."""
    database = Path(directory, "telemetry.sqlite")
    fill(database, runs)
    with run_service(database) as service:
        client = KeepAlive(service.port)
        ask = partial(_asked, client)
        for _ in range(PAGES):
            client.ask(request("GET", RUNS))
        figures = {
            "get_100_ms": ask(READS, f"{RUNS}?limit=100"),
            "get_1000_ms": ask(PAGES, f"{RUNS}?limit=1000"),
            **{f"{name}_ms": ask(READS, path(which)) for name, which in SINGLES.items()},
            "metrics_ms": ask(READS, "/metrics"),
            "metadata_ms": ask(READS, "/api/v1/metadata"),
            **_combined(ask),
            "peak_mb": service.peak_mb(),
        }
        client.close()
    return figures


def _combined(ask: Callable[[int, str], float]) -> dict[str, float]:
    """Try every combination of filters; `worst_is` is the place of the slowest in `filters()`."""
    taken = {path(which): ask(TRIES, path(which)) for which in filters()}
    worst = max(taken, key=taken.__getitem__)
    return {
        "combined_ms": sum(taken.values()) / len(taken),
        "worst_ms": taken[worst],
        "combinations": len(taken),
        "worst_is": list(taken).index(worst),
    }


def _asked(client: KeepAlive, times: int, where: str) -> float:
    return _p50(client, [request("GET", where)] * times)


def _p50(client: KeepAlive, told: list[bytes]) -> float:
    """Return the milliseconds that half of the requests need at most."""
    return spread(laps(client.ask, zip(told, strict=True)))["p50_us"] / 1e3


def library(directory: str) -> dict[str, float]:
    """Ask our library itself for some of a few hundred runs, as the reference's promise says."""
    database = Path(directory, "telemetry.sqlite")
    fill(database, FEW)
    queries = RunQueries(str(database))
    which = RunFilter(job_type="job-01", status="success")
    found = laps(lambda: queries.list_runs(which, limit=20), [()] * SINGLE)
    return {"p50_ms": spread(found)["p50_us"] / 1e3}


def by_hand(directory: str) -> dict[str, float]:
    """Insert rows of the same tables by transactions of one and of a hundred, and read a page."""
    database = Path(directory, "telemetry.sqlite")
    fill(database, 0)
    fill(database.with_name("source.sqlite"), SINGLE + BATCHES * A_BATCH)
    every = rows(database.with_name("source.sqlite"))
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")

        def insert(*some: tuple[object, ...]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, some)
            connection.execute("COMMIT")

        ones = laps(insert, [(row,) for row in every[:SINGLE]])
        rest = every[SINGLE:]
        hundreds = laps(insert, [rest[at : at + A_BATCH] for at in range(0, len(rest), A_BATCH)])
        page = "SELECT * FROM agent_runs ORDER BY created_at DESC LIMIT ?"
        read = {
            f"get_{limit}_ms": _median_ms(
                laps(lambda limit: encode(connection.execute(page, (limit,)).fetchall()), [(limit,)] * PAGES)
            )
            for limit in (100, 1000)
        }  # fmt: skip
    return {
        "post_ms": _median_ms(ones),
        "per_second": SINGLE / sum(ones) * 1e9,
        "batch_ms": _median_ms(hundreds),
        **read,
    }


def _median_ms(taken: list[int]) -> float:
    return spread(taken)["p50_us"] / 1e3


CASES: dict[str, Callable[[str], dict[str, float]]] = {
    "by_hand": by_hand,
    "single": single,
    "writers": writers,
    "hundred_thousand": partial(many, HUNDRED_THOUSAND),
    "million": partial(many, MILLION),
    "library": library,
}
ONCE = frozenset({"million"})


def _reads(what: str, case: str, times: int) -> tuple[Row, ...]:
    """Return the rows of a table of so many runs; a larger one may take twice as long."""
    name = f"run_service.{case}"
    shown = (
        ("GET of 100 runs", "get_100_ms", 2.5, ("run_service.by_hand", "get_100_ms")),
        ("GET of 1000 runs", "get_1000_ms", 15, ("run_service.by_hand", "get_1000_ms")),
        *((f"the newest 100 by `{each}`", f"{each}_ms", 3, None) for each in SINGLES),
        ("every combination of filters, mean", "combined_ms", None, None),
        ("the slowest combination", "worst_ms", 3, None),
        ("`/metrics`", "metrics_ms", 1, None),
        ("`/api/v1/metadata`", "metadata_ms", 1, None),
    )
    return (
        *(
            Row(f"{'… ' if at else f'{what}: '}{words}", name, figure, "ms", budget and budget * times, floor=floor)
            for at, (words, figure, budget, floor) in enumerate(shown)
        ),
        Row("… peak memory of the service", name, "peak_mb", "MB", 120),
    )  # fmt: skip


_FLOOR = "run_service.by_hand"
ROWS = (
    Row("floor: a run by `sqlite3`, a synced transaction, p50", _FLOOR, "post_ms", "ms"),
    Row("floor: a hundred runs by one transaction, p50", _FLOOR, "batch_ms", "ms"),
    Row("floor: a transaction each, as many a second", _FLOOR, "per_second", "/s", at_least=True),
    Row("run service: `POST` of a run, p50", "run_service.single", "post_ms", "ms", 1.2, floor=(_FLOOR, "post_ms")),
    Row("… `PATCH` of a run, p50", "run_service.single", "patch_ms", "ms", 1.2, floor=(_FLOOR, "post_ms")),
    Row("… a batch of 100, p50", "run_service.single", "batch_ms", "ms", 4, floor=(_FLOOR, "batch_ms")),
    Row("… start of the process to its first answer", "run_service.single", "start_s", "s", 1.5),
    Row("run service: 8 clients, acknowledged writes", "run_service.writers", "per_second", "/s", 3_000, at_least=True, floor=(_FLOOR, "per_second")),
    Row("… p50 of one", "run_service.writers", "p50_ms", "ms"),
    Row("… p99 of one", "run_service.writers", "p99_ms", "ms", steady=False),
    Row("… peak memory of the service", "run_service.writers", "peak_mb", "MB", 120),
    *_reads("100 000 runs", "hundred_thousand", 1),
    *_reads("1 000 000 runs", "million", 2),
    Row("400 runs, a filtered query in the library, p50", "run_service.library", "p50_ms", "ms", 1),
)  # fmt: skip
COMPARISONS = (
    BesideKnown(
        "The run service beside the one it takes the place of",
        "local-telemetry 3.0.0",
        (
            Known("`POST` of a run, p50", "run_service.single", "post_ms", 1.9),
            Known("a batch of 100, p50", "run_service.single", "batch_ms", 17.5),
            Known("8 clients, acknowledged writes", "run_service.writers", "per_second", 514, "/s", at_least=True),
            Known("100 000 runs: GET of 100", "run_service.hundred_thousand", "get_100_ms", 11.5),
            Known("… GET of 1000", "run_service.hundred_thousand", "get_1000_ms", 52),
            Known("… the newest 100 by `job_type`", "run_service.hundred_thousand", "job_type_ms", 28),
            Known("… `/metrics`", "run_service.hundred_thousand", "metrics_ms", 4.5),
        ),
        "Theirs was measured once, on a machine of the same class and with the same settings of SQLite.",
    ),
)  # fmt: skip
