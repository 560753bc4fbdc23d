"""What the commands have in common: which service they are about."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import config_option, read_config, sink_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_http_api.sink import HttpApiSink

_TOKEN = "TELEMETRY_API_AUTH_TOKEN"  # noqa: S105 - the name of a variable


def service_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--url`, `--sink` and `--config`, and with them a `service`.

    The command is called with a sink for that service, which is closed afterwards.
    """

    @click.option(
        "--url",
        metavar="URL",
        help="The service; else the active http_api sink's. Its token: " + _TOKEN + ".",
    )
    @click.option(
        "--sink",
        metavar="NAME",
        shell_complete=sink_names,
        help="Which http_api sink, when several are active.",
    )
    @config_option
    @wraps(command)
    def with_service(
        *, url: str | None, sink: str | None, config_path: str | None, **given: Any
    ) -> Any:
        service = _service(url, sink, config_path)
        try:
            return command(service=service, **given)
        finally:
            service.close()

    return with_service


def _service(url: str | None, name: str | None, config_path: str | None) -> HttpApiSink:
    """Return a sink for the service that is meant; raises `UsageError` for none.

    A token that a configuration holds goes to the URL of that configuration, and nowhere else.
    """
    from telemetry_core.cli import sink_of_kind
    from telemetry_http_api.sink import HttpApiSink

    if url and name:
        raise click.UsageError("--url names a service and --sink one of a configuration; give one")
    config = read_config(config_path)
    if url:
        return HttpApiSink(url=url, token=config.environ.text(_TOKEN))
    names = [name] if name else [one for one in config.active if config.kind_of(one) == "http_api"]
    if len(names) > 1:
        raise click.UsageError(f"{' and '.join(names)} are active; say which one: --sink NAME")
    found = sink_of_kind(config, HttpApiSink, names[0]) if names else None
    if found is not None:
        return found
    if config.do_not_track or config.test_mode == "mock":
        raise click.UsageError(
            "what leaves the machine is silenced here; name it to mean it: --url URL"
        )
    if service := config.environ.text("TELEMETRY_API_URL", "METRICS_API_URL"):
        return HttpApiSink(url=service, token=config.environ.text(_TOKEN))
    raise click.UsageError("no http_api sink is active here; say which service: --url URL")
