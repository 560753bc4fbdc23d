"""`telemetry posthog backfill`: sends the runs that a store holds, with their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core import TelemetryError
from telemetry_core.cli import (
    Progress,
    Screen,
    config_option,
    json_option,
    print_json,
    read_config,
    runs_store,
    since_option,
    sink_names,
    sink_of_kind,
)

if TYPE_CHECKING:
    from telemetry_core import TelemetryConfig
    from telemetry_posthog.backfilling import Backfill
    from telemetry_posthog.sink import PostHogSink

_MOST_SHOWN = 20


@click.command
@since_option()
@click.option(
    "--sink",
    metavar="NAME",
    shell_complete=sink_names,
    help="Which posthog sink, when several are active.",
)
@click.option("--dry-run", is_flag=True, help="Only count the runs.")
@config_option
@json_option
def backfill(
    sink: str | None, dry_run: bool, config_path: str | None, as_json: bool, **wanted: str | None
) -> int:
    """Send runs that were recorded before, and their events.

    They come from the store that `telemetry runs` asks. PostHog knows each by its uuid, so that
    nothing is there twice, however often it is done.
    """
    from attrs import evolve

    from telemetry_posthog.backfilling import Backfill

    config = read_config(config_path)
    posthog = evolve(_sink(config, sink), historical_migration=True, runs=True)
    store = runs_store(config)
    which = store.where(**wanted)
    total = store.count(which) if hasattr(store, "count") else None
    work = Backfill(posthog, store)
    try:
        with Progress("runs", total, quiet=as_json) as progress:
            work.show = progress.show
            if not dry_run:
                work.run(which)
    finally:
        posthog.close()
    _tell(work, total, dry_run=dry_run, as_json=as_json)
    return int(bool(work.rejected))


def _sink(config: TelemetryConfig, name: str | None) -> PostHogSink:
    from telemetry_posthog.sink import PostHogSink

    found = sink_of_kind(config, PostHogSink, name)
    if found is None:
        raise TelemetryError(
            "no posthog sink is active here, or what leaves the machine is silenced; name posthog"
            " in `active`"
        )
    return found


def _tell(work: Backfill, total: int | None, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        refused = [{"id": key, "reason": why.reason} for key, why in work.rejected.items()]
        told: dict[str, Any] = {"dry_run": dry_run, "found": total, "runs": work.runs}
        print_json({"ok": not refused, **told, "sent": work.sent, "refused": refused})
        return
    screen = Screen()
    if dry_run:
        counted = "Nobody has counted them" if total is None else f"There are {total:,} runs"
        screen.line(f"{counted}; to send them, leave out --dry-run.")
        return
    screen.line(f"Sent {work.runs:,} runs as {work.sent:,} events to {work.sink.host}.")
    for key, why in [*work.rejected.items()][:_MOST_SHOWN]:
        screen.line((f"refused: {key}: {why.reason}", "red"))
    screen.rest(len(work.rejected) - _MOST_SHOWN)
