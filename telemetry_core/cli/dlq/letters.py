"""Which dead letters a command is about, and what it tells of each."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import define

from telemetry_core.cli.options import Moment, limit_option, sink_option, with_options
from telemetry_core.cli.places import dead_letters_of
from telemetry_core.clock import iso8601, parse_iso8601
from telemetry_core.errors import InvalidRecordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.dead_letters import DeadLetters, KeptLetter, Selection
    from telemetry_core.records import Record

_ELSEWHERE = re.compile(r"[a-z]+_([0-9a-f]{8,32})")

F = TypeVar("F", bound="Callable[..., Any]")


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

    @property
    def none(self) -> str:
        """What to say where there are none."""
        from telemetry_core.delivery.dead_letters import ALL

        such = "" if self.which == ALL else "such "
        return f"There are no {such}dead letters."


def which_letters(limit: int | None = None) -> Callable[[F], F]:
    """Give a command the options that select dead letters."""
    return with_options(
        sink_option("Only those of this sink."),
        click.option("--code", metavar="CODE", help="Only those refused with this code."),
        click.option(
            "--older-than",
            type=Moment(),
            metavar="WHEN",
            help="Only those refused for the last time before an age (7d, 2h) or time.",
        ),
        limit_option(limit),
    )


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
    from telemetry_core.delivery.dead_letters import Selection

    store = dead_letters_of(config)
    if sink is not None:
        refuse_unknown_sink(config, sink, store.count())
    before_ns = None if older_than is None else parse_iso8601(older_than)
    start = None if beginning is None else _ours(beginning)
    which = Selection(sink=sink, code=code, before_ns=before_ns, beginning=start)
    return Letters(store, which, store.count(which))


def _ours(typed: str) -> str:
    """Return an id as records bear it, also one that the other end shows as `evt_0198c1f2…`."""
    found = _ELSEWHERE.fullmatch(typed)
    if found is None:
        return typed
    digits = found[1]
    return "-".join(filter(None, (digits[i:j] for i, j in pairwise((0, 8, 12, 16, 20, 32)))))


def told(letter: KeptLetter, *, whole: bool = False) -> dict[str, Any]:
    """Return what is known of a letter, on request with all that its record says."""
    from telemetry_core.cli.record_text import as_json, brief

    record = _record(letter)
    found: dict[str, Any] = {
        "sink": letter.sink,
        "id": letter.record_id,
        "what": brief(record) if record else "unreadable",
        "code": letter.code,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "first": iso8601(letter.first_ns),
        "last": iso8601(letter.last_ns),
    }
    if whole:
        found["record"] = as_json(record) if record else letter.line.decode("utf-8", "replace")
    return found


def _record(letter: KeptLetter) -> Record | None:
    """Return the record; nothing when a later version wrote it so that we cannot read it."""
    from telemetry_core.codec import decode
    from telemetry_core.records import Lane

    try:
        return decode(letter.line, Lane(letter.lane))
    except (InvalidRecordError, ValueError):
        return None
