"""`telemetry flush`: takes over what programs that have ended left behind, and delivers it."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import config_option, json_option, read_config, timeout_option
from telemetry_core.cli.places import folders_of
from telemetry_core.cli.progress import Progress
from telemetry_core.complaints import counted
from telemetry_core.errors import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.engine import Engine
    from telemetry_core.delivery.report import FlushReport
    from telemetry_core.delivery.spool.survey import FolderView

_NOTHING: dict[str, Any] = {"delivered": 0, "pending": 0, "refused": 0, "dropped": 0, "error": ""}
_LOOK_EVERY = 0.1
_GRACE = 0.5  # what closing may take beyond the time-out


@click.command
@timeout_option(30, "How long to try, for each service.")
@config_option
@json_option
def flush(timeout: float, config_path: str | None, as_json: bool) -> int:
    """Deliver what waits, also of programs that were killed.

    Takes over the folders of all services whose programs have ended; what a living program holds
    is reported and left to it. Exit code 0 when nothing of the ended ones waits, else 1.
    """
    config = read_config(config_path)
    refuse_when_disabled(config)
    result = deliver_all(config, timeout, quiet=as_json)
    if as_json:
        from telemetry_core.cli.screen import print_json

        print_json(result)
    else:
        _show(result)
    return int(not result["ok"])


def refuse_when_disabled(config: TelemetryConfig) -> None:
    """Raise `TelemetryError` when the user forbids what delivers."""
    if config.disabled:
        raise TelemetryError("TELEMETRY_DISABLED is set, and it silences this too; unset it")


def deliver_all(config: TelemetryConfig, timeout: float, *, quiet: bool) -> dict[str, Any]:
    """Flush every service that left something, and return what was delivered and what waits."""
    ended = [view for view in folders_of(config) if not view.alive]
    reports = {
        service: deliver(config, service, timeout, quiet=quiet)
        for service in _services(config.service, ended)
    }
    left = folders_of(config)
    tried = {view.path for view in ended}
    others = [view for view in left if view.alive and not _is_ours(view, tried)]
    waiting = _sum_up(view for view in left if view not in others)
    return {
        "ok": not waiting and not any(view.problem for view in left),
        "services": list(reports),
        "sinks": _sinks(reports.values(), waiting),
        "alive": [_living(view) for view in others if view.pending],
        "unreadable": {str(view.path): view.problem for view in left if view.problem},
    }


def _is_ours(view: FolderView, tried: Collection[Path]) -> bool:
    """Tell whether we hold a folder: a sink that hangs keeps it locked until we end."""
    return view.path in tried or view.pid == os.getpid()


def _services(own: str, ended: Iterable[FolderView]) -> list[str]:
    """Return whom to deliver for: ourselves first, who also take folders that say nothing."""
    return list(dict.fromkeys((own, *sorted({view.service for view in ended if view.service}))))


def deliver(config: TelemetryConfig, service: str, timeout: float, *, quiet: bool) -> FlushReport:
    """Take over what a service left, deliver it to the active sinks, and say what became of it."""
    from attrs import evolve

    from telemetry_core.clock import SystemClock
    from telemetry_core.delivery.engine import Engine
    from telemetry_core.ids import RandomIds
    from telemetry_core.manager import Manager

    settings = evolve(config.delivery, exit_timeout=_GRACE)
    own = evolve(config, service=service, delivery=settings)
    engine = Engine(own, Manager(own), SystemClock(), RandomIds())
    try:
        asyncio.run(_flush(engine, service, timeout, quiet=quiet))
    finally:
        engine.close()
    return engine.report()


async def _flush(engine: Engine, service: str, seconds: float, *, quiet: bool) -> None:
    flushing = asyncio.ensure_future(engine.aflush(seconds))
    with Progress(f"delivering {service}", quiet=quiet) as progress:
        while not (await asyncio.wait([flushing], timeout=_LOOK_EVERY))[0]:
            report = engine.report()
            total = report.delivered + report.refused + report.pending
            progress.show(total - report.pending, total)
    await flushing


def _sum_up(views: Iterable[FolderView]) -> Counter[str]:
    pending: Counter[str] = Counter()
    for view in views:
        pending.update({sink: waiting.records for sink, waiting in view.waiting.items()})
    return pending


def _sinks(reports: Iterable[FlushReport], waiting: Counter[str]) -> dict[str, dict[str, Any]]:
    """Return each sink's figures over all services, also of those that are not active."""
    sinks = {name: {**_NOTHING, "pending": number} for name, number in waiting.items()}
    for report in reports:
        for name, found in report.sinks.items():
            figures = sinks.setdefault(name, {**_NOTHING})
            for key in ("delivered", "refused", "dropped"):
                figures[key] += getattr(found, key)
            figures["error"] = figures["error"] or found.error
    for name in waiting.keys() - {name for report in reports for name in report.sinks}:
        sinks[name]["error"] = "it is not active here"
    return sinks


def _living(view: FolderView) -> dict[str, Any]:
    return {"pid": view.pid, "service": view.service, "pending": view.pending}


def _show(result: dict[str, Any]) -> None:
    from telemetry_core.cli.screen import Screen

    screen = Screen()
    busy = {name: sink for name, sink in result["sinks"].items() if any(sink.values())}
    if busy:
        columns = ["sink", "delivered", "pending", "refused", "dropped", "last error"]
        screen.table(
            columns,
            [
                [name, *(f"{sink[key]:,}" for key in columns[1:5]), sink["error"]]
                for name, sink in busy.items()
            ],
        )
    for other in result["alive"]:
        screen.line(
            f"process {other['pid']} ({other['service']}) is alive and delivers its own ",
            counted(other["pending"], "record"),
        )
    for path, problem in result["unreadable"].items():
        screen.line((f"{path}: {problem}", "red"))
    if not result["ok"]:
        screen.line(("Not everything is delivered; see: telemetry status", "yellow"))
    else:
        screen.line(("Everything is delivered." if busy else "Nothing waits.", "green"))
