"""Runs the service from its settings to its end: folder, guard, database, sockets, server."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import click

from telemetry_run_service.logs.lines import written
from telemetry_run_service.logs.log import LOGGER
from telemetry_run_service.process.guard import Guard
from telemetry_run_service.process.listening import listen, url_of
from telemetry_run_service.process.opening import make_folder, open_database
from telemetry_run_service.process.refusals import WRONG, StartRefusedError
from telemetry_run_service.process.retention import Retention

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from telemetry_run_service.settings.settings import ServiceSettings


def run(settings: ServiceSettings, *, as_json: bool = False) -> int:
    """Serve until a signal, and return the exit code; raises `StartRefusedError` before that.

    :param as_json: say on stdout too, as one line of JSON, where the service answers.
    """
    with ExitStack() as stack:
        stack.enter_context(written(settings.log_level, settings.log_format))
        make_folder(settings.db_path)
        if settings.lock_file:
            make_folder(settings.lock_file, "TELEMETRY_LOCK_FILE")
        guard = stack.enter_context(Guard(settings.db_path, settings.lock_file))
        _make_buffer(settings)
        if not open_database(settings.db_path, settings.clock, settings.busy_timeout_ms / 1000):
            LOGGER.warning("%s is locked by another program; requests wait", settings.db_path)
        sockets = [stack.enter_context(each) for each in listen(settings.host, settings.port)]
        url = url_of(settings.host, sockets)
        guard.tell(url)
        stack.enter_context(Retention(settings))

        def announce() -> None:
            for note in settings.notes:
                LOGGER.warning(note)
            _announce(settings, url, as_json=as_json)

        return _serve(settings, sockets, announce)


def _make_buffer(settings: ServiceSettings) -> None:
    """Make the folder that clients of the reference expect, as it does."""
    if settings.buffer_dir is None:
        return
    try:
        os.makedirs(settings.buffer_dir, mode=0o700, exist_ok=True)
    except OSError as error:
        LOGGER.warning("%s cannot be made: %s", settings.buffer_dir, error.strerror)


def _announce(settings: ServiceSettings, url: str, *, as_json: bool) -> None:
    with suppress(OSError):  # nobody who reads it is no reason not to serve
        click.echo(f"telemetry serves {settings.db_path} at {url}", err=True)
        if as_json:
            click.echo(json.dumps({"url": url, "db_path": settings.db_path, "pid": os.getpid()}))


def _serve(
    settings: ServiceSettings, sockets: list[socket.socket], announce: Callable[[], None]
) -> int:
    from telemetry_run_service.app import create_app
    from telemetry_run_service.process.server import build_server

    app = create_app(settings)
    server = build_server(app, settings, on_ready=announce, on_stop=lambda: _stop_streams(app))
    try:
        server.run(sockets=sockets)
    except SystemExit:  # what uvicorn does when the application does not start
        raise StartRefusedError(
            "the service did not start; the lines above say why (exit code 1)"
        ) from None
    return 0 if server.started else WRONG


def _stop_streams(app: Any) -> None:
    """Have those answers end that would go on for ever."""
    stopping = getattr(app.state, "stopping", None)
    if stopping is not None:
        stopping.set()
