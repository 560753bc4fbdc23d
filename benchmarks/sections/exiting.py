"""How long a program takes to end after its last line, and what becomes of what it told."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.comparison import Column, Comparison
from benchmarks.peers.contender import foreign, module, title
from benchmarks.peers.driver import drive
from benchmarks.sink_server import SinkServer
from benchmarks.table import Row

EXIT_TIMEOUT = 2.0  # ours, as it is without a setting
STATES: dict[str, dict[str, Any]] = {
    "healthy": {},
    "refused": {"kind": "refused"},
    "hung": {"kind": "hang"},
    "slow": {"kind": "slow", "seconds": 2.0},
}
OURS = {"ours_remote": 20, "ours_hundred": 100}  # how many events: each client tells some
PEERS = dict.fromkeys(("posthog", "segment", "sentry", "otel", "snowplow", "logfire"), 20)
EVENTS = OURS | PEERS


def leave(name: str, directory: str) -> dict[str, float]:
    """End one program after another, with each state of the remote."""
    return {
        f"{state}_{figure}": value
        for state, how in STATES.items()
        for figure, value in leave_once(name, EVENTS[name], Path(directory, state), how).items()
    }


def leave_once(name: str, number: int, place: Path, how: dict[str, Any]) -> dict[str, float]:
    """End one program; where ours is measured, have the next process deliver what is left."""
    place.mkdir()
    with SinkServer() as server:
        if how:
            server.misbehave(**how)
        said = drive(name, "exiting", server.url, str(place), number)
        seconds = monotonic() - said["done"]
        delivered = len(server.counts())
        if not module(name).REQUIREMENTS and delivered < number:
            server.behave()
            _deliver_what_is_left(name, server.url, place)
        arrived = len(server.counts())
    return {"s": seconds, "later": arrived - delivered, "lost": number - arrived}


def _deliver_what_is_left(name: str, url: str, place: Path) -> None:
    contender = module(name).begin(url, str(place), None)
    contender.flush()
    contender.close()


NEEDS = foreign(PEERS)
CASES = {name: partial(leave, name) for name in EVENTS}
ONCE = frozenset(CASES)  # long, and steady: most of it is waiting for a limit
BUDGET = EXIT_TIMEOUT + 0.3
ROWS = tuple(
    row
    for name, whose in (("ours_remote", "1 client"), ("ours_hundred", "100 clients"))
    for state in STATES
    for row in (
        Row(f"exit, {whose}, {state} remote", f"exiting.{name}", f"{state}_s", "s", BUDGET),
        Row("… delivered by the next process", f"exiting.{name}", f"{state}_later"),
        Row("… lost", f"exiting.{name}", f"{state}_lost", "", 0),
    )
)
COMPARISONS = (
    Comparison(
        "Seconds from the last line of a program to its end, and how many of its 20 events are lost",
        {title(name): name for name in EVENTS},
        tuple(
            column
            for state in STATES
            for column in (
                Column(f"{state}, s", "exiting", f"{state}_s", multiple=False),
                Column("lost", "exiting", f"{state}_lost", multiple=False),
            )
        ),
        "Each with its defaults. *hung* accepts and never answers, *slow* answers after 2 s. Lost is"
        " what never arrives: what ours has not delivered when it ends, the next process delivers.",
    ),
)
