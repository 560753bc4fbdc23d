"""Which dead letters a command is about: its options, and the letters these lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import define

from telemetry_core.cli.completing import sink_names
from telemetry_core.cli.options import Moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.dead_letters import DeadLetters, Selection

F = TypeVar("F", bound="Callable[..., Any]")

_MOST = 1_000_000_000


@define(frozen=True)
class Letters:
    """The dead letters of a configuration, and which of them are meant."""

    store: DeadLetters
    which: Selection
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """How many are meant, over all sinks."""
        return sum(self.counts.values())


def which_letters(limit: int | None = None) -> Callable[[F], F]:
    """Give a command the options that select dead letters."""
    options = [
        click.option(
            "--sink", metavar="NAME", shell_complete=sink_names, help="Only those of this sink."
        ),
        click.option("--code", metavar="CODE", help="Only those refused with this code."),
        click.option(
            "--older-than",
            type=Moment(),
            metavar="WHEN",
            help="Only those refused for the last time before an age (7d, 2h) or time.",
        ),
        click.option(
            "--limit",
            type=click.IntRange(1, _MOST),
            default=limit,
            show_default=limit is not None,
            metavar="N",
            help="At most so many.",
        ),
    ]

    def give(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return give


def letters_of(
    config: TelemetryConfig,
    *,
    sink: str | None = None,
    code: str | None = None,
    older_than: str | None = None,
    beginning: str | None = None,
) -> Letters:
    """Return the letters that options select.

    Raises `ConfigError` for a sink that nobody knows, and `SpoolError` when they cannot be read.
    """
    from telemetry_core.cli.sinks import refuse_unknown_sink
    from telemetry_core.clock import SystemClock, parse_iso8601
    from telemetry_core.delivery.dead_letters import DeadLetters, Selection

    store = DeadLetters(config.base_dir / "dead_letters.sqlite", SystemClock())
    if sink is not None:
        refuse_unknown_sink(config, sink, store.count())
    before_ns = None if older_than is None else parse_iso8601(older_than)
    which = Selection(sink=sink, code=code, before_ns=before_ns, beginning=beginning)
    return Letters(store, which, store.count(which))
