"""`telemetry serve`: starts the run service, and says where it listens or why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import config_option, json_option

if TYPE_CHECKING:
    from telemetry_run_service.settings.settings import ServiceSettings

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@click.command
@click.option("--host", metavar="HOST", help="The address to listen on.  [127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), metavar="N", help="The port; 0 for any.  [8765]"
)
@click.option("--db", "db_path", metavar="PATH", help="The database; else the sqlite sink's here.")
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS, case_sensitive=False),
    help="What is logged at least.  [INFO]",
)
@click.option(
    "--log-format",
    type=click.Choice(("json", "text")),
    help="How the log is written to stderr.  [json]",
)
@click.option("--check", is_flag=True, help="Say what would be served, and end.")
@config_option
@json_option
def serve(config_path: str | None, check: bool, as_json: bool, **options: Any) -> int:
    """Serve the runs database over HTTP, until Ctrl-C or SIGTERM.

    What was accepted is finished before the end; a second signal ends at once. All settings have
    variables too.
    """
    from telemetry_core import ConfigError
    from telemetry_run_service.process.refusals import SETTINGS_REFUSED, StartRefusedError

    try:
        settings = _read(config_path, options)
        if check:
            return _show(settings, as_json=as_json)
        from telemetry_run_service.process.running import run

        return run(settings, as_json=as_json)
    except ConfigError as error:
        click.echo(f"telemetry: {error}", err=True)
        return SETTINGS_REFUSED
    except StartRefusedError as error:
        click.echo(f"telemetry: {error}", err=True)
        return error.exit_code


def _read(config_path: str | None, options: dict[str, Any]) -> ServiceSettings:
    from telemetry_core.cli import read_config
    from telemetry_run_service.settings.reading import read_settings

    return read_settings(read_config(config_path), options)


def _show(settings: ServiceSettings, *, as_json: bool) -> int:
    """Show the settings in force, and prove that the database could be served."""
    from attrs import asdict

    from telemetry_core.cli import Screen, print_json
    from telemetry_run_service.process.opening import examine
    from telemetry_run_service.settings.settings import settings as names

    examine(settings.db_path)
    shown = {name: value for name, value in asdict(settings).items() if name in names()}
    shown["auth_tokens"] = len(settings.auth_tokens)
    if as_json:
        print_json({**shown, "notes": settings.notes})
        return 0
    screen = Screen()
    screen.listing([[(name, "dim"), str(value)] for name, value in shown.items()])
    for note in settings.notes:
        screen.line((note, "yellow"))
    return 0
