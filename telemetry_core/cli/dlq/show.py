"""`telemetry dlq show`: refused records with all they say, and why they were refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telemetry_core.cli.completing import letter_ids
from telemetry_core.cli.dlq.letters import letters_of, told, which_letters
from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.cli.words import moment
from telemetry_core.errors import TelemetryError

if TYPE_CHECKING:
    from telemetry_core.cli.screen import Screen
    from telemetry_core.delivery.dead_letters import KeptLetter


@click.command("show")
@click.argument("record_id", metavar="[ID]", required=False, shell_complete=letter_ids)
@which_letters(limit=10)
@config_option
@json_option
def show_letters(
    record_id: str | None,
    limit: int,
    config_path: str | None,
    as_json: bool,
    **wanted: str | None,
) -> None:
    """Show the record and why it was refused.

    ID is the id of a record, or its beginning; without one the latest letters are shown.
    """
    from telemetry_core.cli.screen import Screen, print_json

    found = letters_of(read_config(config_path), beginning=record_id, **wanted)
    kept = found.store.list(found.which, limit)
    if not kept:
        whose = f" of a record {record_id!r}" if record_id else ""
        raise TelemetryError(f"there is no such dead letter{whose}; see: telemetry dlq list")
    if as_json:
        print_json({"letters": [told(letter, whole=True) for letter in kept]})
        return
    screen = Screen()
    for letter in kept:
        _show(screen, letter)


def _show(screen: Screen, letter: KeptLetter) -> None:
    from telemetry_core.cli.record_text import facts

    said = told(letter, whole=True)
    screen.line((said["what"], "bold"), ("  refused by ", "dim"), letter.sink)
    once = letter.first_ns == letter.last_ns
    times = "at" if once else f"from {moment(said['first'])} to"
    rows = [
        ("code", letter.code),
        ("reason", letter.reason),
        ("attempts", f"{letter.attempts:,}, {times} {moment(said['last'])}"),
    ]
    record = said["record"]
    rows += facts(record) if isinstance(record, dict) else [("record", record)]
    screen.listing([[(name, "dim"), value] for name, value in rows])
    screen.line()
