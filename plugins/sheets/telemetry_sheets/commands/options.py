"""What the commands have in common: which sheet they are about."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from telemetry_core import TelemetryError
from telemetry_core.cli import config_option, read_config, sink_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sheets.sink import SheetsSink

KIND = "sheets"


def sheet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--sink` and `--config`, and with them a `sink`.

    The command is called with a sink of its own, which is closed afterwards.
    """

    @click.option(
        "--sink",
        "sink_name",
        metavar="NAME",
        shell_complete=sink_names,
        help="Which sheets sink, when several are active.",
    )
    @config_option
    @wraps(command)
    def with_sink(*, sink_name: str | None, config_path: str | None, **given: Any) -> Any:
        sink = _sink(sink_name, config_path)
        try:
            return command(sink=sink, **given)
        finally:
            sink.close()

    return with_sink


def _sink(name: str | None, config_path: str | None) -> SheetsSink:
    """Return the sink that is meant, also one that is set up and not active yet."""
    from telemetry_core.cli import sink_of_kind
    from telemetry_sheets.sink import SheetsSink

    config = read_config(config_path)
    if config.disabled:
        raise TelemetryError("TELEMETRY_DISABLED is set, and it silences this too; unset it")
    names = [name] if name else [one for one in config.active if config.kind_of(one) == KIND]
    if len(names) > 1:
        raise click.UsageError(f"{' and '.join(names)} are active; say which one: --sink NAME")
    wanted = names[0] if names else KIND
    if wanted not in config.active:
        config.active = (*config.active, wanted)
    found = sink_of_kind(config, SheetsSink, wanted)
    if found is None:
        silenced = config.do_not_track or config.test_mode == "mock"
        why = "what leaves the machine is silenced here" if silenced else "it is another plugin"
        raise TelemetryError(f"{wanted} is no sheets sink: {why}")
    return found
