"""`telemetry stats`: how the telemetry of RAXE stands, by the names that RAXE's own client gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import (
    Screen,
    config_option,
    json_option,
    left_alone,
    moment,
    print_json,
    read_config,
    sink_names,
    sink_of_kind,
    sink_standing,
)

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry_core import TelemetryConfig
    from telemetry_raxe.credentials import Credentials

KIND = "raxe"


@click.command("stats")
@click.option("--telemetry", is_flag=True, help="As RAXE has it; it is the same without.")
@click.option(
    "--sink",
    metavar="NAME",
    shell_complete=sink_names,
    help="Which raxe sink, when several are active.",
)
@config_option
@json_option
def stats(telemetry: bool, sink: str | None, config_path: str | None, as_json: bool) -> int:  # noqa: ARG001 - there are no other figures
    """Show how the telemetry of RAXE stands.

    The key, the circuit, what waits in each lane. It is read from the disk; nothing is sent. Exit code 1 when the sink is not active or cannot be
    used, is paused or does not answer, and when the key has expired or cannot be read.
    """
    config = read_config(config_path)
    name = sink or next((name for name in config.active if config.kind_of(name) == KIND), KIND)
    standing = sink_standing(config, name)
    settings = _settings(config, standing)
    credentials, problem = _credentials(settings.pop("credential_path"))
    found = {**_told(standing), **settings, **_key(credentials), "problem": problem}
    expired = credentials is not None and credentials.is_expired()
    in_use = standing["state"] in {"on", "silenced"}
    found = {"ok": in_use and not (left_alone(standing) or problem or expired), **found}
    if as_json:
        print_json(found)
    else:
        _show(Screen(), found, credentials)
    return int(not found["ok"])


def _settings(config: TelemetryConfig, standing: dict[str, Any]) -> dict[str, Any]:
    """Return what the sink is set to, as far as it can be used."""
    from telemetry_raxe.envelope import SCHEMA_VERSION
    from telemetry_raxe.sink import RaxeSink

    sink = None
    if standing["state"] == "on" and not config.disabled:
        sink = sink_of_kind(config, RaxeSink, standing["sink"])
    return {
        "endpoint": sink and sink.destination(),
        "schema_version": SCHEMA_VERSION,
        "telemetry_enabled": sink is not None and sink.enabled,
        "dry_run": sink is not None and sink.dry_run,
        "credential_path": sink and sink.credential_path,
    }


def _credentials(path: Path | None) -> tuple[Credentials | None, str]:
    from telemetry_raxe.credential_store import CredentialError, CredentialStore

    try:
        store = CredentialStore(path)
        return store.from_environment() or store.load(), ""
    except CredentialError as error:
        return None, str(error)


def _key(credentials: Credentials | None) -> dict[str, Any]:
    from telemetry_raxe.keys import masked

    if credentials is None:
        return {"api_key": None, "tier": None}
    return {"api_key": masked(credentials.api_key), "tier": credentials.tier}


def _told(standing: dict[str, Any]) -> dict[str, Any]:
    """Return how the sink stands, by the names of RAXE's client where it has some."""
    lanes = standing["lanes"]
    same = ("sink", "state", "why", "retry_in", "paused", "paused_until", "last_error")
    return {
        **{name: standing[name] for name in same},
        "circuit_breaker_state": standing["circuit"].upper(),
        "queues": {**lanes, "dlq": {"count": standing["dead_letters"]}},
        "total_queued": sum(lane["count"] for lane in lanes.values()),
    }


def _show(screen: Screen, found: dict[str, Any], credentials: Credentials | None) -> None:
    from telemetry_raxe.commands.expiry import banner

    if credentials is not None and (words := banner(credentials)):
        screen.line(words)
    screen.listing([[name, cell] for name, cell in _rows(found) if cell])


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    queues = found["queues"]
    until = moment(found["paused_until"]) or "until there is another key"
    dry = ", in a dry run: nothing is sent" if found["dry_run"] else ""
    return [
        ("telemetry", ("enabled" if found["telemetry_enabled"] else "disabled") + dry),
        ("sink", f"{found['sink']}, {found['state']}"),
        ("why", found["why"]),
        ("endpoint", found["endpoint"] or ""),
        ("key", found["problem"] or found["api_key"] or "none yet"),
        ("tier", found["tier"] or ""),
        ("circuit", found["circuit_breaker_state"]),
        ("paused", until if found["paused"] else ""),
        ("last error", found["last_error"] or ""),
        ("critical", _queue(queues["critical"])),
        ("standard", _queue(queues["standard"])),
        ("dead letters", f"{queues['dlq']['count']:,}"),
    ]


def _queue(lane: dict[str, Any]) -> str:
    since = f", the oldest of {moment(lane['oldest'])}" if lane["oldest"] else ""
    return f"{lane['count']:,} waiting{since}" if lane["count"] else "0"
