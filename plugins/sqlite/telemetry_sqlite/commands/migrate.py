"""`telemetry db migrate`: upgrades a database of an older release or of the reference's programs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from telemetry_core.cli import Progress, Screen, confirm, json_option, print_json, yes_option
from telemetry_sqlite.commands.options import database_option, existing, wait_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_sqlite.care.migrating import Migration
    from telemetry_sqlite.care.upgrading import Changes

_IDS_FOR = {"agent_runs": "for runs", "run_events": "for events"}


@click.command
@click.option("--dry-run", is_flag=True, help="Do it with a copy, and say what came of it.")
@wait_option
@yes_option
@database_option
@json_option
def migrate(database: str, dry_run: bool, wait: float, yes: bool, as_json: bool) -> int:
    """Upgrade the database to what this release needs.

    Keeps every row. The file is copied to `backups` first, and changed all at once or not at all,
    also while other programs use it.
    """
    from telemetry_sqlite.care import migrating

    done = migrating.Migration(existing(database))
    if migrating.needed(database, wait=wait):
        if not dry_run:
            confirm(f"Upgrade {database} (a backup is made first)?", yes=yes)
        act = migrating.rehearse if dry_run else migrating.migrate
        with Progress("carrying rows over", quiet=as_json) as progress:
            done = act(database, wait=wait, progress=progress.show)
    if as_json:
        from attrs import asdict

        print_json({**asdict(done), "dry_run": dry_run})
    else:
        _show(done, dry_run=dry_run)
    return int(bool(done.warning))


def _show(done: Migration, *, dry_run: bool) -> None:
    from telemetry_sqlite.schema import VERSION

    screen = Screen()
    if done.idle:
        screen.line(f"{done.path} needs no migration.")
        return
    state = "would be" if dry_run else "is now"
    screen.line(f"{done.path} {state} what this release needs (schema {VERSION}).")
    if done.changes is not None:
        screen.listing([[(name, "dim"), said] for name, said in _told(done.changes)])
    this = f"--db {shlex.quote(done.path)}"
    if done.warning:
        screen.line((f"Free pages cannot be given back yet: {done.warning}", "yellow"))
        screen.line(f"Try again:   telemetry db migrate {this}")
    if done.backup:
        screen.line(f"Before:      {done.backup}")
        screen.line(f"To go back:  telemetry db restore {shlex.quote(done.backup)} {this}")
    if dry_run:
        screen.line(f"Nothing was changed; to do it: telemetry db migrate {this}")


def _told(changes: Changes) -> Iterator[tuple[str, str]]:
    """Give what was done, and to how many, where there is something to say."""
    from telemetry_sqlite.schema import some

    facts = {
        "runs": f"{changes.rows['agent_runs']:,}",
        "events": f"{changes.rows['run_events']:,}",
        "new columns": some(changes.columns),
        "ids made": _counted({_IDS_FOR[table]: number for table, number in changes.made.items()}),
        "statuses": _counted(changes.statuses),
        "mended": _counted(changes.mended),
        "of others": ", ".join(changes.kept),
        "left out": "; ".join(changes.left),
    }
    yield from ((name, said) for name, said in facts.items() if said)


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in sorted(numbers.items()))
