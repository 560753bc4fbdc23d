"""`telemetry ingest test`: sends a signed request that stores nothing, and explains the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telemetry_core import TelemetryError
from telemetry_core.cli import (
    Screen,
    config_option,
    json_option,
    print_json,
    read_config,
    sink_names,
    sink_of_kind,
)

if TYPE_CHECKING:
    from telemetry_hmac_ingest.probing import Probe
    from telemetry_hmac_ingest.sink import HmacIngestSink

_KIND = "hmac_ingest"


@click.command
@click.option(
    "--sink",
    metavar="NAME",
    shell_complete=sink_names,
    help="Which hmac_ingest sink, when several are active.",
)
@click.option("--keep", is_flag=True, help="Have the server keep the event that is sent.")
@config_option
@json_option
def test(sink: str | None, keep: bool, config_path: str | None, as_json: bool) -> int:
    """Send a signed request and explain the answer.

    The server looks at everything and stores nothing. Exit code 0 when all is well, else 1.
    """
    from telemetry_hmac_ingest.probing import probe

    ingest = _sink(sink, config_path)
    try:
        found = probe(ingest, keep=keep)
    finally:
        ingest.close()
    if as_json:
        print_json({"ok": found.ok, "destination": ingest.destination(), **_told(found)})
    else:
        _show(found, ingest, keep=keep)
    return int(not found.ok)


def _sink(name: str | None, config_path: str | None) -> HmacIngestSink:
    """Return the sink that is meant, also one that is set up and not active yet."""
    from telemetry_hmac_ingest.sink import HmacIngestSink

    config = read_config(config_path)
    if config.disabled:
        raise TelemetryError("TELEMETRY_DISABLED is set, and it silences this too; unset it")
    names = [name] if name else [one for one in config.active if config.kind_of(one) == _KIND]
    if len(names) > 1:
        raise click.UsageError(f"{' and '.join(names)} are active; say which one: --sink NAME")
    wanted = names[0] if names else _KIND
    if wanted not in config.active:
        config.active = (*config.active, wanted)
    found = sink_of_kind(config, HmacIngestSink, wanted)
    if found is None:
        silenced = config.do_not_track or config.test_mode == "mock"
        why = "what leaves the machine is silenced here" if silenced else "it is another plugin"
        raise TelemetryError(f"{wanted} is no hmac_ingest sink: {why}")
    return found


def _told(found: Probe) -> dict[str, object]:
    return {
        "status": found.status,
        "message": found.words,
        "remedy": found.remedy,
        "clock_skew_seconds": found.skew,
    }


def _show(found: Probe, sink: HmacIngestSink, *, keep: bool) -> None:
    screen = Screen()
    if found.ok:
        kept = "taken" if keep else "would be taken; nothing was stored"
        screen.line(
            ("ok    ", "green"), f"events for {sink.destination()} are signed well and {kept}"
        )
    else:
        code = "network" if found.status is None else str(found.status)
        screen.line((f"{code}  ", "red"), f"{found.words}; {found.remedy}")
    if found.skew:
        ahead = "behind" if found.skew > 0 else "ahead of"
        screen.line(
            ("clock  ", "yellow"),
            f"this machine's clock is {abs(found.skew):,} s {ahead} the server's; requests are"
            " signed with its time, set the clock right",
        )
