"""`telemetry dlq list`: the records that sinks refused for good, the latest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telemetry_core.cli.dlq.letters import letters_of, told, which_letters
from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.cli.words import age
from telemetry_core.clock import SystemClock

if TYPE_CHECKING:
    from telemetry_core.cli.screen import Cell
    from telemetry_core.delivery.dead_letters import KeptLetter


@click.command("list")
@which_letters(limit=20)
@config_option
@json_option
def list_letters(limit: int, config_path: str | None, as_json: bool, **wanted: str | None) -> None:
    """List the dead letters, the latest first."""
    from telemetry_core.cli.screen import Screen, print_json

    found = letters_of(read_config(config_path), **wanted)
    kept = found.store.list(found.which, limit)
    if as_json:
        print_json({"letters": [told(letter) for letter in kept], "total": found.total})
        return
    screen = Screen()
    if not kept:
        screen.line(found.none)
        return
    columns = ["refused", "sink", "code", "attempts", "what", "record", "reason"]
    screen.table(columns, [_cells(letter) for letter in kept])
    if found.total > len(kept):
        screen.more("--limit", found.total - len(kept))


def _cells(letter: KeptLetter) -> list[Cell]:
    return [
        age(letter.last_ns, SystemClock.time_ns()),
        letter.sink,
        letter.code,
        f"{letter.attempts:,}",
        told(letter)["what"],
        (letter.record_id, "dim"),
        letter.reason,
    ]
