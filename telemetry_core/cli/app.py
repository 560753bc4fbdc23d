"""The root of all commands: what there is, and how each of them ends."""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from telemetry_core import __version__
from telemetry_core.cli import groups
from telemetry_core.cli.lazy import CommandGroup
from telemetry_core.errors import ConfigError, CredentialError, TelemetryError, UnknownStatusError

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG = 1
USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT
_MISUSES = (ConfigError, CredentialError, UnknownStatusError)


class Root(CommandGroup):
    """The group of all commands, where every one of them ends with its exit code."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command; without `standalone_mode` return its exit code instead of exiting."""
        _prepare_streams()
        run = partial(super().main, *args, standalone_mode=False, **extra)
        code = _exit_code(run)
        if standalone_mode:
            sys.exit(code)
        return code

    def headings(self, ctx: click.Context) -> dict[str, list[str]]:
        """Return our own commands by what they are for, then those of others."""
        ours = {heading: [*commands] for heading, commands in groups.sections.items()}
        known = {name for names in ours.values() for name in names}
        others = [name for name in self.list_commands(ctx) if name not in known]
        return ours | ({"Of other distributions": others} if others else {})


def _exit_code(command: Callable[[], object]) -> int:
    """Run a command to its end and say in one line what kept it from getting there."""
    try:
        code = command()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except TelemetryError as error:
        click.echo(f"telemetry: {error}", err=True)
        return USAGE if isinstance(error, _MISUSES) else WRONG
    except OSError as error:
        _let_go_of_stdout()
        if not isinstance(error, BrokenPipeError):  # a reader who has seen enough is no news
            click.echo(f"telemetry: {error}", err=True)
        return WRONG


def _prepare_streams() -> None:
    """Write whatever a stream's encoding lacks as escapes, and our warnings to stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("telemetry_core")
    if not any(isinstance(handler, _Warnings) for handler in logger.handlers):
        logger.addHandler(_Warnings(logging.WARNING))


class _Warnings(logging.Handler):
    """Says a warning of ours on stderr, one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"telemetry: {record.getMessage()}", err=True)


def _let_go_of_stdout() -> None:
    """Keep the interpreter from writing once more, at its end, to where nobody reads."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


@click.group(
    "telemetry",
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"]},
    built_in={name: one for commands in groups.sections.values() for name, one in commands.items()},
)
@click.version_option(__version__, prog_name="telemetry")
def telemetry() -> None:
    """Say what your program does once; have it delivered everywhere.

    Every command takes --json. Exit codes: 0 all is well, 1 something is wrong or waits,
    2 the command or the configuration cannot be meant so.
    """
