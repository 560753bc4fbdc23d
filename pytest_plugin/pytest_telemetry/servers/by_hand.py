"""Serves a fake until Ctrl-C and prints what it gets: `python -m pytest_telemetry.servers.http`."""

from __future__ import annotations

import argparse
import threading
from typing import TYPE_CHECKING

from pytest_telemetry.servers.loopback import Loopback
from pytest_telemetry.servers.messages import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.servers.fake import FakeServer
    from pytest_telemetry.servers.messages import Request, Response

_SHOWN = 500


def parser_for(server: FakeServer) -> argparse.ArgumentParser:
    """Return what reads the command line; a fake may add options of its own."""
    words = type(server).__doc__ or type(server).__name__
    parser = argparse.ArgumentParser(description=words.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="the port; any free one by default")
    return parser


def run(
    server: FakeServer,
    parser: argparse.ArgumentParser | None = None,
    ready: Callable[[argparse.Namespace], None] = lambda _: None,
) -> None:
    """Serve it on the port that the command line names.

    :param ready: called with the options once the port is open, before anything is printed.
    """
    parser = parser or parser_for(server)
    options = parser.parse_args()
    port = options.port

    def respond(request: Request, ended: Callable[[], bool]) -> Response:
        response = server.respond(request, ended)
        _print(request, response)
        return response

    try:
        loopback = Loopback(respond, lambda: None, port)
    except (OSError, OverflowError) as error:
        parser.error(f"port {port} cannot be used: {error}")
    loopback.open()
    ready(options)
    print(
        f"{type(server).__name__} listens at http://127.0.0.1:{loopback.port} (Ctrl-C ends it)",
        flush=True,
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
    finally:
        loopback.close()


def _print(request: Request, response: Response) -> None:
    try:
        content = request.content()
    except Refusal:
        content = request.body
    text = content[:_SHOWN].decode("utf-8", "replace") + ("…" if len(content) > _SHOWN else "")
    print(f"{response.status} {request}", *text.splitlines(), sep="\n    ", flush=True)
