"""`telemetry resume`: has a sink tried again that is paused or does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.completing import sink_names
from telemetry_core.cli.options import config_option, json_option, read_config

if TYPE_CHECKING:
    from telemetry_core.config import TelemetryConfig

_REMEDY = "Programs that are alive try it again within 5 seconds; what others left: telemetry flush"


@click.command
@click.argument("sink", shell_complete=sink_names)
@config_option
@json_option
def resume(sink: str, config_path: str | None, as_json: bool) -> None:
    """Try a sink again that is paused or does not answer.

    Ends the pause, or the waiting after failures, for every program of this base_dir. A sink that
    is not left alone is left as it is.
    """
    from telemetry_core.cli.screen import Screen, print_json

    result = end_pause(read_config(config_path), sink)
    if as_json:
        print_json(result)
    elif not result["resumed"]:
        Screen().line(f"{sink} is not paused and answers, as far as is known: nothing to resume.")
    else:
        Screen().line((_said(result), "green"))
        Screen().line((_REMEDY, "dim"))


def end_pause(config: TelemetryConfig, sink: str) -> dict[str, Any]:
    """Forget why a sink is left alone, and return what that was.

    Raises `ConfigError` for a name that no sink has.
    """
    from telemetry_core.cli.places import state_of
    from telemetry_core.cli.sinks import refuse_unknown_sink
    from telemetry_core.cli.standing import left_alone, told

    refuse_unknown_sink(config, sink)
    state = state_of(config, sink)
    saved = state.look()
    was = None if saved is None else told(saved)
    state.clear()
    return {"sink": sink, "resumed": was is not None and left_alone(was), "was": was}


def _said(result: dict[str, Any]) -> str:
    was = result["was"]
    state = "paused" if was["paused"] else "left alone"
    return f"{result['sink']} was {state} ({was.get('why') or was['last_error']}); that is over."
