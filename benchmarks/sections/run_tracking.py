"""What a run costs, from its start to its end, and how many a second are delivered."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.comparison import Column, Comparison
from benchmarks.peers.contender import foreign, title
from benchmarks.peers.driver import LIMIT, drive
from benchmarks.peers.mlflow_server import ENDS_WITHIN, STARTS_WITHIN, mlflow_server
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = {"ours_runs": 10_000, "sqlite3_runs": 300, "mlflow": 50}


def by_itself(name: str, directory: str) -> dict[str, float]:
    """Start and end runs, with what needs no server."""
    return drive(name, "runs", "", directory, RUNS[name])


def with_mlflow(directory: str) -> dict[str, float]:
    """Start and end runs at MLflow's server."""
    with mlflow_server(directory) as url:
        return drive("mlflow", "runs", url, directory, RUNS["mlflow"])


NEEDS = foreign(RUNS)
CASES: dict[str, Callable[[str], dict[str, float]]] = {
    "ours_runs": partial(by_itself, "ours_runs"),
    "sqlite3_runs": partial(by_itself, "sqlite3_runs"),
    "mlflow": with_mlflow,
}
ONCE = frozenset({"mlflow"})  # its server takes long to start
LIMITS = {"mlflow": STARTS_WITHIN + LIMIT + ENDS_WITHIN}
ROWS = (
    Row("`start_run` + `end_run`, default sinks, p50", "run_tracking.ours_runs", "p50_us", "µs", 20, floor=("floor.write", "p50_us")),
    Row("… mean", "run_tracking.ours_runs", "mean_us", "µs"),
    Row("… runs until all are delivered", "run_tracking.ours_runs", "per_second", "/s", at_least=True),
)  # fmt: skip
COMPARISONS = (
    Comparison(
        "A run, its start and its end",
        {title(name): name for name in RUNS},
        (
            Column("p50, µs", "run_tracking", "p50_us"),
            Column("mean, µs", "run_tracking", "mean_us"),
            Column("delivered, runs/s", "run_tracking", "per_second"),
        ),
        "MLflow's own server on loopback, over SQLite, a request for the start and one for the end;"
        " by hand a transaction each. Ours has told the run when the calls return, and delivers it"
        " into SQLite and NDJSON. Multiples are of that line.",
        ours="ours_runs",
    ),
)
