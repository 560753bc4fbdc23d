"""What the commands of the database have in common: which file they are about."""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from telemetry_core.cli import config_option, read_config, sink_names, sink_of_kind
from telemetry_sqlite.errors import DatabaseUnusableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from telemetry_core import TelemetryConfig

F = TypeVar("F", bound="Callable[..., Any]")

_DAY = 86_400

wait_option: Callable[[F], F] = click.option(
    "--wait",
    type=click.FloatRange(0, _DAY),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for programs that use the file.",
)


def database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--db`, `--sink` and `--config`, and with them `database`.

    The command is called with the path they lead to; whether there is a file is its own matter.
    """

    @click.option(
        "--db", "db_path", metavar="PATH", help="The database; else the active sqlite sink's."
    )
    @click.option(
        "--sink",
        metavar="NAME",
        shell_complete=sink_names,
        help="Which sqlite sink, when several are active.",
    )
    @config_option
    @wraps(command)
    def with_database(
        *, db_path: str | None, sink: str | None, config_path: str | None, **given: Any
    ) -> Any:
        return command(database=database_path(db_path, sink, config_path), **given)

    return with_database


def database_path(db_path: str | None, sink: str | None, config_path: str | None) -> str:
    """Return the absolute path of the database that is meant; raises `UsageError` for none."""
    if db_path and sink:
        raise click.UsageError("--db names a file and --sink one of a configuration; give one")
    if db_path:
        return os.path.abspath(os.path.expanduser(db_path))
    config = read_config(config_path)
    found = dict(_active(config, [sink] if sink else config.active))
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise click.UsageError(f"{' and '.join(found)} are active; say which one: --sink NAME")
    active = ", ".join(config.active) or "none"
    wanted = f"called {sink!r} " if sink else ""
    raise click.UsageError(
        f"no sqlite sink {wanted}is active (active: {active}); name the file: --db PATH"
    )


def _active(config: TelemetryConfig, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give the name and the database of each active sink of these that is of our kind."""
    from telemetry_sqlite.sink import SqliteSink

    for name in names:
        sink = sink_of_kind(config, SqliteSink, name)
        if sink is not None:
            yield name, sink.destination()
            sink.close()


def existing(database: str) -> str:
    """Return the path again when there is a file; raises `DatabaseUnusableError` otherwise."""
    if not os.path.exists(database):
        raise DatabaseUnusableError(
            f"there is no database at {database}: nothing was recorded yet, or it is elsewhere"
            " (--db PATH); see: telemetry status"
        )
    return database
