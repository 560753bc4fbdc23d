"""`telemetry init`: writes a telemetry.toml in which every setting is explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from telemetry_core.cli.options import json_option, yes_option

if TYPE_CHECKING:
    from telemetry_core.discovery import Installed

_NAME = "telemetry.toml"
_NEXT = {
    "Record a run": "telemetry track -- echo hello",
    "Look at it": "telemetry runs list",
    "Is all well": "telemetry doctor",
}
_LONGEST_SERVICE = 200


@click.command
@yes_option
@click.option("--force", is_flag=True, help="Replace the file when it is there.")
@click.option("--config", "path", metavar="PATH", default=_NAME, help="The file to write.")
@json_option
def init(yes: bool, force: bool, path: str, as_json: bool) -> None:
    """Write a telemetry.toml in which every setting is explained.

    Never replaces a file without --force. --json asks nothing.
    """
    from telemetry_core.cli.init.template import telemetry_toml
    from telemetry_core.cli.screen import Screen, print_json
    from telemetry_core.discovery import Installed

    target = Path(path).absolute()
    if target.exists() and not force:
        raise click.UsageError(f"{target} is there already; --force replaces it")
    installed = Installed()
    chosen = _suggested(target.parent.name, installed)
    if not (yes or as_json):
        try:
            chosen = _asked(*chosen, installed)
        except click.Abort as error:
            if not isinstance(error.__context__, EOFError):
                raise
            raise click.UsageError("nobody answers; --yes asks nothing") from None
        _check(*chosen, installed)
    _write(target, telemetry_toml(*chosen, installed), force=force)
    if as_json:
        service, active, base_dir = chosen
        print_json(
            {"path": str(target), "service": service, "active": active, "base_dir": base_dir}
        )
        return
    screen = Screen()
    screen.line(f"{target} is written.")
    screen.listing([[f"{what}:", command] for what, command in _NEXT.items()])


def _suggested(folder: str, installed: Installed) -> tuple[str, list[str], str]:
    local: list[str] = [name for name in ("sqlite", "ndjson") if name in installed]
    service = folder.strip() if folder.isprintable() else ""
    return service[:_LONGEST_SERVICE] or "default", local, ".telemetry"


def _asked(
    service: str, active: list[str], base_dir: str, installed: Installed
) -> tuple[str, list[str], str]:
    """Ask what nobody but the user can know."""
    service = click.prompt("What is this service called", default=service)
    offered = ", ".join(installed.names()) or "none"
    names = click.prompt(
        f"Which sinks shall get its records (installed: {offered})", default=", ".join(active)
    )
    active = [name.strip() for name in names.split(",") if name.strip()]
    base_dir = click.prompt("Where shall records wait, relative to the file", default=base_dir)
    return service, active, base_dir


def _check(service: str, active: list[str], base_dir: str, installed: Installed) -> None:
    """Raise `ConfigError` for an answer that no program could start with."""
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.errors import PluginNotFoundError

    TelemetryConfig(service=service, active=tuple(active), base_dir=Path(base_dir))
    for name in active:
        if name not in installed:
            raise PluginNotFoundError(installed.missing(name))


def _write(target: Path, text: str, *, force: bool) -> None:
    """Write the file at once, and over none that appeared meanwhile; raises `UsageError`."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.UsageError(f"{target} cannot be written: {error}") from error
