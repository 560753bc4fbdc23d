"""Where a case happens: a base directory, the programs that get broken, and what arrived of them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from benchmarks.sink_server.marks import MARK
from telemetry_core import load_config
from telemetry_core.cli.flush import deliver_all
from tests.chaos.account import Account
from tests.chaos.file_layer import CHANGES, KILL
from tests.chaos.programs import ADMISSIONS, BEGUN, CONFIRMED, MOST, RETURNED, TALLY, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.warm import WarmInterpreter, WarmProgram

    Program = subprocess.Popen[str] | WarmProgram

ROOT = Path(__file__).parents[2]
INSTALLED = Path(__file__).parent / "installed"  # the sinks that a stage has beside the real ones
WRITES_FILES = ("picky", "narrow")  # as ndjson does
PATIENCE = 60.0  # seconds; far longer than anything here takes
PRELUDE = """
import tests.chaos.file_layer
from tests.chaos.programs import *
from telemetry_core import TelemetryClient, hookimpl, load_config
"""
MUST_COME_FIRST = {KILL, CHANGES, "LD_PRELOAD"}  # before anything is imported
_LOOK_EVERY = 0.001


@define
class Stage:
    """One try of one case.

    :ivar sinks: the names of the sinks that are active, each of which has to get everything.
    :ivar settings: more for telemetry.toml, such as a `[plugins.webhook]` table.
    :ivar destinations: what tells how often each number arrived at a sink, for those that are
        neither the database nor the files.
    :ivar warm: what programs are forked from; without it each is an interpreter of its own.
    """

    home: Path
    ledger: list[tuple[str, Account]]
    sinks: tuple[str, ...] = ("sqlite",)
    settings: str = ""
    warm: WarmInterpreter | None = None
    destinations: dict[str, Callable[[], Counter[int]]] = field(factory=dict)
    _programs: list[Program] = field(factory=list)
    _gone: Counter[str] = field(factory=Counter)

    def __attrs_post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "tally").open("wb") as file:
            file.truncate(MOST)

    # -- programs

    @property
    def base_dir(self) -> Path:
        """Where the programs keep what they record."""
        return self.home / "telemetry"

    def environ(self, **more: str) -> dict[str, str]:
        """Return an environment in which nothing of the machine's own is set."""
        (self.home / "telemetry.toml").write_text(self.settings)
        own = {
            "TELEMETRY_CONFIG": str(self.home / "telemetry.toml"),
            "TELEMETRY_BASE_DIR": str(self.base_dir),
            "TELEMETRY_ACTIVE": ",".join(self.sinks),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(INSTALLED))),
            TALLY: str(self.home / "tally"),
            ADMISSIONS: str(self.home / "admissions"),
        }
        return {"PATH": os.defpath, "HOME": str(self.home), **own, **more}

    def start(self, source: str, *arguments: str, **environ: str) -> Program:
        """Start a program, which begins with what all of them share; warnings are errors."""
        source = PRELUDE + source
        if self.warm is None or environ.keys() & MUST_COME_FIRST:
            return self.start_python("-Werror", "-c", source, *arguments, **environ)
        env = self.environ(**environ)
        program = self.warm.start(source, *arguments, env=env, cwd=self.home)
        self._programs.append(program)
        return program

    def start_python(self, *command: str, **environ: str) -> subprocess.Popen[str]:
        """Start Python with any arguments; it is killed at the end of the test at the latest."""
        program = subprocess.Popen(
            [sys.executable, *command],
            env=self.environ(**environ),
            cwd=self.home,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._programs.append(program)
        return program

    def run(self, source: str, *arguments: str, code: int = 0, **environ: str) -> str:
        """Run a program to its end, which has to be this exit code, and return what it printed."""
        return self.finish(self.start(source, *arguments, **environ), code)

    def finish(self, program: Program, code: int | None = 0) -> str:
        """Wait for a program's end, with this exit code if one is given; return its output."""
        try:
            output, errors = program.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            program.kill()
            output, errors = program.communicate()
        assert code in {None, program.returncode}, f"exit code {program.returncode}: {errors}"
        return output + errors

    def kill(self, program: Program, number: int = signal.SIGKILL) -> str:
        """Send a program a signal and wait for its end."""
        program.send_signal(number)
        return self.finish(program, None)

    def end_programs(self) -> None:
        """Kill what still runs, whatever became of the test."""
        for program in self._programs:
            if program.poll() is None:
                program.kill()
            program.communicate()

    # -- the account

    def recorded(self) -> frozenset[int]:
        """Return the numbers whose call has returned by now, in whichever program."""
        return self._tallied(RETURNED, CONFIRMED)

    def returned(self, number: int) -> bool:
        """Tell whether the call with this number has returned; quick enough to wait for."""
        with (self.home / "tally").open("rb", buffering=0) as tally:
            tally.seek(number)
            return tally.read(1) == bytes((RETURNED,))

    def settle(self) -> None:
        """Deliver what the programs left, as `telemetry flush` in the next process does."""
        result = deliver_all(load_config(environ=self.environ()), PATIENCE, quiet=True)
        assert result["ok"], result
        self._gone["dropped"] += sum(sink["dropped"] for sink in result["sinks"].values())

    def confirmed(self) -> frozenset[int]:
        """Return the numbers of which the program knew that disk or sinks have them."""
        return self._tallied(CONFIRMED)

    def account(self, sink: str) -> Account:
        """Return what became of everything that was told, as far as a sink is concerned."""
        found = list(self._arrivals(sink))
        arrived = Counter(number for number, _whole in found)
        arrived += self.destinations.get(sink, Counter[int])()
        return Account(
            recorded=self.recorded(),
            in_flight=self._tallied(BEGUN),
            arrived=arrived,
            buried=dict(self._buried(sink)),
            gone=self._gone + self._admitted(),
            torn=sum(not whole for _number, whole in found),
            set_aside=self._damaged(),
        )

    def conclude(self, given_up: Callable[[Account], Account] = lambda account: account) -> None:
        """Settle, write the case's line for each sink, and fail unless all of it balances.

        :param given_up: takes off what the case may lose by the setting it runs with.
        """
        self.settle()
        accounts = [(sink, given_up(self.account(sink))) for sink in self.sinks]
        self.ledger += accounts
        for _sink, account in accounts:
            account.balances()
        assert not self.left(), f"left in the spool: {self.left()}"

    def left(self) -> list[str]:
        """Return the names of what is left in the spool."""
        spool = self.base_dir / "spool"
        names = sorted(path.name for path in spool.iterdir()) if spool.exists() else []
        return [name for name in names if not name.startswith(".")]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database of the sqlite sink."""
        path = self.base_dir / "db" / "telemetry.sqlite"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as database:
            begun = database.execute("SELECT 1 FROM sqlite_master").fetchone()
            return database.execute(query).fetchall() if begun else []

    def _tallied(self, *what: int) -> frozenset[int]:
        noted = (self.home / "tally").read_bytes().rstrip(b"\0")
        return frozenset(number for number, note in enumerate(noted) if note in what)

    def _arrivals(self, sink: str) -> Iterator[tuple[int, bool]]:
        """Give each number at one of our own destinations, and whether it arrived whole."""
        told: Iterable[str] = ()
        if sink == "sqlite":
            told = (row[0] for row in self.rows("SELECT payload_json FROM run_events"))
        elif sink in {"ndjson", *WRITES_FILES}:
            told = self._lines()
        for text in told:
            properties = json.loads(text)
            number = _numbers(text.encode())[0]
            yield number, properties == event(number, properties["size"])

    def _lines(self) -> Iterator[str]:
        """Give what the files of NDJSON hold; an unfinished line is nothing to their readers."""
        for path in sorted((self.base_dir / "raw").glob("*.ndjson")):
            for line in path.read_bytes().splitlines():
                if MARK.search(line):
                    with suppress(ValueError):
                        yield json.loads(line)["payload_json"]

    def _buried(self, sink: str) -> Iterator[tuple[int, str]]:
        path = self.base_dir / "dead_letters.sqlite"
        if path.exists():
            with closing(sqlite3.connect(path)) as database:
                query = "SELECT line, code FROM dead_letters WHERE sink = ?"
                for letter, code in database.execute(query, (sink,)):
                    yield from ((number, code) for number in _numbers(letter))

    def _admitted(self) -> Counter[str]:
        path = self.home / "admissions"
        said: Counter[str] = Counter()
        for text in path.read_text().splitlines() if path.exists() else ():
            said.update(json.loads(text))
        return said

    def _damaged(self) -> int:
        """Count the lines that a reader found damaged, and took for no records."""
        files = (self.base_dir / "damaged").glob("*.lines")
        return sum(path.read_bytes().count(b"\n") for path in files)


def _numbers(content: bytes) -> list[int]:
    return [int(number) for number in MARK.findall(content)]


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds, and fail when it does not in far too long a time."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(_LOOK_EVERY)
