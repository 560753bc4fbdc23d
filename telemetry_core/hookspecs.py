"""The five hooks, and the one name that marks, manages and finds their implementations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from telemetry_core.models import RunEvent, RunRecord
    from telemetry_core.records import Batch, Health, Receipt

NAME = "telemetry_core"

hookspec = HookspecMarker(NAME)
hookimpl = HookimplMarker(NAME)


@hookspec
def on_start_run(run: RunRecord) -> None:
    """Hear that a run started.

    Called on the program's own thread, several at once. A listener only looks: no disk, no lock,
    no socket. One that raises is counted and silences nobody.

    :param run: the run as it stands at its start; the same object ends the run later, so copy
        what must not change.
    """


@hookspec
def on_event(event: RunEvent, run: RunRecord | None) -> None:
    """Hear that something happened. On the program's own thread, like `on_start_run`.

    :param event: what happened, after redaction.
    :param run: the run it belongs to, when this process knows it; nothing for an event of its own.
    """


@hookspec
def on_end_run(run: RunRecord) -> None:
    """Hear that a run ended. On the program's own thread, like `on_start_run`.

    :param run: the run with its end, its status and its duration.
    """


@hookspec
def ship_batch(batch: Batch) -> Receipt | None:
    """Store or send a batch. Called on the sink's worker only, never two at a time.

    :param batch: records in the order of their sequence; order is not guaranteed between batches,
        and after a crash a batch may come twice with the same ids.
    :return: what became of each record; nothing at all means that all were delivered. A record
        that the receipt does not name waits. An exception settles nothing: the batch comes again.
    """


@hookspec
def check_health() -> Health | None:
    """Say how the sink is. Called on the sink's worker only, between two batches.

    :return: the sink's condition; nothing means that it has none to report.
    """
