"""`telemetry dlq retry`: puts dead letters back on their way, and says what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from attrs import evolve

from telemetry_core.cli.completing import letter_ids
from telemetry_core.cli.dlq.letters import letters_of, which_letters
from telemetry_core.cli.options import config_option, json_option, read_config, timeout_option
from telemetry_core.cli.places import spool_of
from telemetry_core.clock import SystemClock
from telemetry_core.errors import TelemetryError

if TYPE_CHECKING:
    from telemetry_core.cli.dlq.letters import Letters
    from telemetry_core.cli.screen import Screen
    from telemetry_core.cli.sinks import SinkView
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.retrying import Retry

_FIGURES = ("delivered", "refused", "waiting", "untouched")


@click.command("retry")
@click.argument("record_id", metavar="[ID]", required=False, shell_complete=letter_ids)
@click.option("--all", "every", is_flag=True, help="All of them, as without any filter.")
@which_letters()
@timeout_option(30, "How long to try, for each sink.")
@config_option
@json_option
def retry(
    record_id: str | None,
    every: bool,
    limit: int | None,
    timeout: float,
    config_path: str | None,
    as_json: bool,
    **wanted: str | None,
) -> int:
    """Deliver dead letters again, to the sinks that refused them.

    ID is the id of a record, or its beginning; without one, and without a filter, all are meant. Each goes to its own sink and to no other. Exit code 0 when all of them arrived, else 1.
    """
    from telemetry_core.cli.flush import refuse_when_disabled
    from telemetry_core.cli.screen import Screen, print_json

    if every and (record_id or limit or any(wanted.values())):
        raise click.UsageError("--all goes with neither an ID nor a filter")
    config = read_config(config_path)
    refuse_when_disabled(config)
    found = letters_of(config, beginning=record_id, **wanted)
    if record_id and not found.total:
        raise TelemetryError(f"there is no dead letter of a record {record_id!r}")
    result = retry_all(config, found, limit, timeout, quiet=as_json)
    if as_json:
        print_json(result)
    else:
        _show(Screen(), found, result)
    return int(not result["ok"])


def retry_all(
    config: TelemetryConfig, found: Letters, limit: int | None, timeout: float, *, quiet: bool
) -> dict[str, Any]:
    """Retry what is selected, sink by sink, and return the figures of each."""
    left = found.total if limit is None else min(limit, found.total)
    sinks: dict[str, dict[str, Any]] = {}
    for name, view in _views(config, found).items():
        number = min(left, found.counts[name])
        left -= number
        if number:
            sinks[name] = _retry_one(config, found, view, number, timeout, quiet=quiet)
    ok = all(not sink[key] for sink in sinks.values() for key in _FIGURES[1:])
    return {"ok": ok, "sinks": sinks}


def _views(config: TelemetryConfig, found: Letters) -> dict[str, SinkView]:
    """Return how each sink that has letters stands, and where it delivers to."""
    from telemetry_core.cli.sinks import SinkView, active_sinks

    with active_sinks(config) as views:
        known = {view.name: view for view in views}
    absent = "it is not active here; name it in `active`"
    return {name: known.get(name, SinkView(name, "", absent)) for name in sorted(found.counts)}


def _retry_one(
    config: TelemetryConfig,
    found: Letters,
    view: SinkView,
    number: int,
    timeout: float,
    *,
    quiet: bool,
) -> dict[str, Any]:
    from telemetry_core.delivery.retrying import Retry

    problem = _why_not(view)
    if problem or view.plugin is None:
        return _figures(untouched=number, error=problem)
    going = Retry(
        letters=found.store,
        which=evolve(found.which, sink=view.name),
        sink=view.name,
        spool=spool_of(config),
        service=config.service,
        destination=view.plugin.destination(),
    )
    began = SystemClock.time_ns()
    error = _go(evolve(config, active=(view.name,)), going, number, timeout, quiet=quiet)
    again = found.store.count(evolve(going.which, since_ns=began, before_ns=None, code=None))
    waiting = _waiting(going)
    refused = min(again.get(view.name, 0), going.moved - waiting)
    return _figures(
        delivered=going.moved - waiting - refused,
        refused=refused,
        waiting=waiting,
        untouched=number - going.moved,
        error=error,
    )


def _why_not(view: SinkView) -> str:
    """Say why letters of this sink are better left where they are; empty when they are not."""
    from telemetry_core.cli.sinks import ON

    if view.state != ON or view.plugin is None:
        return view.why or "it is off"
    if view.plugin.options.delivery == "memory":
        return 'it takes nothing from the disk (delivery = "memory")'
    return ""


def _go(config: TelemetryConfig, going: Retry, number: int, timeout: float, *, quiet: bool) -> str:
    """Move and deliver round by round while all arrives; return the last error."""
    from telemetry_core.cli.flush import deliver

    until = SystemClock.monotonic() + timeout
    error = ""
    while going.moved < number and going.move(number - going.moved):
        left = max(0.0, until - SystemClock.monotonic())
        report = deliver(config, config.service, left, quiet=quiet)
        error = next((sink.error for sink in report.sinks.values()), "")
        if _waiting(going) or not left:
            break
    return error


def _waiting(going: Retry) -> int:
    """Count what was moved and has not come to an end, whoever delivers it."""
    from telemetry_core.delivery.spool.survey import survey

    views = [view for view in survey(going.spool) if view.path in going.folders]
    return sum(view.pending for view in views)


def _figures(**known: Any) -> dict[str, Any]:
    return {**dict.fromkeys(_FIGURES, 0), "error": "", **known}


def _show(screen: Screen, found: Letters, result: dict[str, Any]) -> None:
    sinks = result["sinks"]
    if not sinks:
        screen.line(found.none)
        return
    screen.table(
        ["sink", "delivered", "refused again", "waiting", "untouched", "last error"],
        [
            [name, *(f"{sink[key]:,}" for key in _FIGURES), sink["error"]]
            for name, sink in sinks.items()
        ],
    )
    if result["ok"]:
        screen.line(("All of them arrived.", "green"))
    if any(sink["refused"] for sink in sinks.values()):
        screen.line(("Some were refused again; see: telemetry dlq show", "yellow"))
    if any(sink["waiting"] for sink in sinks.values()):
        screen.line(("What waits is in the spool again; why it does: telemetry status", "yellow"))
    if any(sink["untouched"] for sink in sinks.values()):
        screen.line(("What is untouched is a dead letter still.", "yellow"))
