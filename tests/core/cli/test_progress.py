"""Whoever waits at a terminal sees how far a long work has come; nobody else sees anything of it."""

from __future__ import annotations

import os
import pty
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import TelemetryClient, load_config
from tests.core.cli.terminal import begun, shown_by
from tests.forked import ended

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = [
    ("delivering default", "flush"),
    ("dropping", "spool purge --sink ndjson --yes"),
    ("looking", "db check --full"),
    ("copying pages", "db backup"),
    ("verifying", "db backups --verify"),
    ("copying pages", "db restore --yes"),
    ("reading", "db rebuild"),
    ("rewriting", "db compact"),
    ("runs", "db export --format csv -o rows.csv --force"),
    ("ending runs", "db close-stale --older-than 2100-01-01 --yes"),
    ("deleting", "db retain --older-than 2100-01-01 --yes"),
]
long_work = pytest.mark.parametrize(("what", "command"), LONG, ids=[c for _, c in LONG])


@pytest.fixture
def work(killed: Callable[[], None], call: Any) -> None:
    """Leave something to do for each: runs that ended and not, a backup, what was not delivered."""
    with TelemetryClient(load_config()) as client:
        client.end_run(client.start_run("crawler", "nightly"))
        client.start_run("crawler", "stays open")
    killed()
    assert call("db", "backup").exit_code == 0


def said_on_a_terminal(*command: str) -> str:
    """Return what a command says to a terminal on stderr, while its answer goes into a pipe."""
    ours, theirs = pty.openpty()
    with open(os.devnull, "r+b") as nothing:
        environ = {**os.environ, "TERM": "xterm"}
        child = begun(command, (nothing.fileno(), nothing.fileno(), theirs), environ)
    os.close(theirs)
    said = b"".join(shown_by(ours))
    assert ended(child) == 0, said
    return said.decode()


@long_work
@pytest.mark.usefixtures("work")
def test_a_long_work_shows_how_far_it_has_come(what: str, command: str) -> None:
    assert what in said_on_a_terminal(*command.split())


@long_work
@pytest.mark.usefixtures("work")
def test_nobody_is_shown_a_bar_who_reads_json(what: str, command: str) -> None:
    assert what not in said_on_a_terminal(*command.split(), "--json")


@pytest.mark.usefixtures("work")
def test_nobody_is_shown_a_bar_who_reads_a_pipe(call: Any) -> None:
    for what, command in LONG:
        assert what not in call(*command.split()).stderr
