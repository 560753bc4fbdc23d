"""`telemetry dlq list`, `dlq show` and `dlq clear`: the records that a sink refused for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.dlq_filters import Letters, letters_of, which_letters
from telemetry_core.cli.options import config_option, confirm, json_option, read_config, yes_option
from telemetry_core.cli.words import age, moment
from telemetry_core.clock import SystemClock, iso8601
from telemetry_core.complaints import counted
from telemetry_core.errors import InvalidRecordError, TelemetryError

if TYPE_CHECKING:
    from telemetry_core.cli.screen import Cell, Screen
    from telemetry_core.delivery.dead_letters import KeptLetter
    from telemetry_core.records import Record

_NONE = "There are no such dead letters."


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
        print_json({"letters": [_told(letter) for letter in kept], "total": found.total})
        return
    screen = Screen()
    if not kept:
        screen.line(_NONE)
        return
    columns = ["refused", "sink", "code", "attempts", "what", "record", "reason"]
    screen.table(columns, [_cells(letter) for letter in kept])
    if found.total > len(kept):
        screen.line((f"… and {found.total - len(kept):,} more; see them with --limit", "dim"))


@click.command("show")
@click.argument("record_id", metavar="[ID]", required=False)
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
        print_json({"letters": [_told(letter, whole=True) for letter in kept]})
        return
    screen = Screen()
    for letter in kept:
        _show(screen, letter)


@click.command("clear")
@which_letters()
@yes_option
@click.option("--dry-run", is_flag=True, help="Say how many it would be, and delete nothing.")
@config_option
@json_option
def clear(
    limit: int | None,
    yes: bool,
    dry_run: bool,
    config_path: str | None,
    as_json: bool,
    **wanted: str | None,
) -> None:
    """Delete dead letters.

    Nobody can deliver them then. Without a filter all of them are meant.
    """
    from telemetry_core.cli.screen import Screen, print_json

    found = letters_of(read_config(config_path), **wanted)
    total = found.total if limit is None else min(limit, found.total)
    if total and not dry_run:
        confirm(f"Delete {counted(total, 'dead letter')} for good?", yes=yes)
    deleted = 0 if dry_run else _delete(found, total, quiet=as_json)
    if as_json:
        print_json({"found": total, "deleted": deleted, "dry_run": dry_run})
    elif not total:
        Screen().line(_NONE)
    else:
        would = "would be " if dry_run else ""
        number = counted(total if dry_run else deleted, "dead letter")
        Screen().line((f"{number} {would}deleted.", "yellow" if dry_run else "green"))


def _delete(found: Letters, total: int, *, quiet: bool) -> int:
    """Delete page by page, so that programs which bury something wait for no more than one."""
    from telemetry_core.cli.progress import Progress
    from telemetry_core.delivery.dead_letters import PAGE_LETTERS

    deleted = 0
    with Progress("deleting", total, quiet=quiet) as progress:
        while deleted < total:
            page = found.store.take(found.which, limit=min(total - deleted, PAGE_LETTERS))
            if not page:
                break
            deleted += len(page)
            progress.show(deleted)
    return deleted


def _told(letter: KeptLetter, *, whole: bool = False) -> dict[str, Any]:
    from telemetry_core.cli.record_text import as_json, brief

    record = _record(letter)
    told: dict[str, Any] = {
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
        told["record"] = as_json(record) if record else letter.line.decode("utf-8", "replace")
    return told


def _record(letter: KeptLetter) -> Record | None:
    """Return the record; nothing when a later version wrote it so that we cannot read it."""
    from telemetry_core.codec import decode
    from telemetry_core.records import Lane

    try:
        return decode(letter.line, Lane(letter.lane))
    except (InvalidRecordError, ValueError):
        return None


def _cells(letter: KeptLetter) -> list[Cell]:
    told = _told(letter)
    return [
        age(letter.last_ns, SystemClock.time_ns()),
        letter.sink,
        letter.code,
        f"{letter.attempts:,}",
        told["what"],
        (letter.record_id, "dim"),
        letter.reason,
    ]


def _show(screen: Screen, letter: KeptLetter) -> None:
    from telemetry_core.cli.record_text import facts

    told = _told(letter, whole=True)
    screen.line((told["what"], "bold"), ("  refused by ", "dim"), letter.sink)
    once = letter.first_ns == letter.last_ns
    times = "at" if once else f"from {moment(told['first'])} to"
    rows = [
        ("code", letter.code),
        ("reason", letter.reason),
        ("attempts", f"{letter.attempts:,}, {times} {moment(told['last'])}"),
    ]
    record = told["record"]
    rows += facts(record) if isinstance(record, dict) else [("record", record)]
    screen.listing([[(name, "dim"), value] for name, value in rows])
    screen.line()
