"""`telemetry dlq clear`: deletes dead letters for good."""

from __future__ import annotations

import click

from telemetry_core.cli.dlq.letters import Letters, letters_of, which_letters
from telemetry_core.cli.options import (
    config_option,
    confirm,
    dry_run_option,
    json_option,
    read_config,
    yes_option,
)
from telemetry_core.complaints import counted


@click.command("clear")
@which_letters()
@yes_option
@dry_run_option("delete")
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
        Screen().line(found.none)
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
