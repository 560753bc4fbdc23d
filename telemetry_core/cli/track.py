"""`telemetry track -- COMMAND`: a run around any command, of which the command notices nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.errors import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from telemetry_core.client import TelemetryClient

_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
_SIGNALLED = 128
_STOPS = ("SIGINT", "SIGTERM", "SIGHUP")


class Outcome(NamedTuple):
    """How the command ended: its exit code as a shell has it, and the signal that ended it."""

    code: int
    signal: str | None = None
    asked_to_stop: bool = False
    error: str | None = None

    @property
    def status(self) -> str:
        """How the run ends: what was stopped is cancelled, whatever code it then gave."""
        if self.code == 0:
            return "success"
        return "cancelled" if self.asked_to_stop or self.signal in _STOPS else "failure"

    def summary(self) -> str | None:
        """Say what went wrong, if something did."""
        if self.error is not None or self.code == 0:
            return self.error
        return f"ended by {self.signal}" if self.signal else f"exit code {self.code}"


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--agent", metavar="NAME", help="Who runs it; else the command's name.")
@click.option("--job", metavar="TYPE", default="command", show_default=True, help="What it does.")
@click.option(
    "--trigger", metavar="TYPE", default="cli", show_default=True, help="What set it off."
)
@config_option
@json_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def track(
    agent: str | None,
    job: str,
    trigger: str,
    config_path: str | None,
    as_json: bool,
    command: tuple[str, ...],
) -> int:
    """Run any command as a recorded run.

    The command has the terminal, the streams and the signals as if it were called by itself, and
    its exit code is passed on: 128+n when signal n ended it, 127 when there is no such command,
    126 when it cannot be executed. The run is a success at 0, cancelled after SIGINT, SIGTERM or
    SIGHUP, else a failure. A program inside that records runs becomes its child. Arguments are
    not recorded: they may hold secrets. --json tells of the run on stderr: stdout is the
    command's.
    """
    client = _client(config_path)
    name = os.path.basename(command[0]) or command[0]
    run_id = client.start_run(agent or name, job, trigger, input_summary=name)
    outcome = _Child(command, None if client.disabled else run_id).run()
    client.end_run(
        run_id,
        outcome.status,
        error_summary=outcome.summary(),
        metrics_json={"exit_code": outcome.code, "signal": outcome.signal},
    )
    client.close()
    if outcome.error is not None:
        click.echo(f"telemetry: {outcome.error}", err=True)
    if as_json:
        click.echo(_told(None if client.disabled else run_id, outcome), err=True)
    return outcome.code


def _told(run_id: str | None, outcome: Outcome) -> str:
    told: dict[str, Any] = {"run_id": run_id, "status": outcome.status}
    return json.dumps(told | {"exit_code": outcome.code, "signal": outcome.signal})


def _client(config_path: str | None) -> TelemetryClient:
    """Return a client that raises nothing, and that records nothing when it cannot be built."""
    from telemetry_core.client import TelemetryClient

    try:
        config = read_config(config_path)
    except TelemetryError as error:
        return TelemetryClient.silenced(error)
    config.on_error = "log"
    return TelemetryClient(config)


class _Child:
    """The command as our child: it gets our signals, and we its end."""

    def __init__(self, command: Sequence[str], run_id: str | None) -> None:
        self._command = command
        self._environ = None
        if run_id is not None:
            self._environ = {**os.environ, "TELEMETRY_PARENT_RUN_ID": run_id}
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: list[int] = []

    def run(self) -> Outcome:
        """Run it to its end; from its start on, signals are its affair and no longer ours."""
        for name in _STOPS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._pass_on)
        try:
            self._process = subprocess.Popen(self._command, env=self._environ)  # noqa: S603
        except FileNotFoundError:
            return Outcome(_NOT_FOUND, error=f"there is no command {self._command[0]!r}")
        except (OSError, ValueError) as error:
            problem = f"{self._command[0]!r} cannot be executed: {error}"
            return Outcome(_NOT_EXECUTABLE, error=problem)
        for number in self._asked:
            self._process.send_signal(number)
        return self._outcome(self._process.wait())

    def _outcome(self, returned: int) -> Outcome:
        if returned >= 0:
            return Outcome(returned, asked_to_stop=bool(self._asked))
        try:
            name = signal.Signals(-returned).name
        except ValueError:  # a real-time signal
            name = f"signal {-returned}"
        return Outcome(_SIGNALLED - returned, name, bool(self._asked))

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        """Hand a signal to the command, unless the terminal has sent it to both of us."""
        self._asked.append(number)
        if self._process is not None and not (number == signal.SIGINT and _in_foreground()):
            self._process.send_signal(number)


def _in_foreground() -> bool:
    """Tell whether a terminal's Ctrl-C reaches us, and the command with us."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
