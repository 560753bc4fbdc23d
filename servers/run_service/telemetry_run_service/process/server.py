"""Runs the application until a signal: what was accepted is finished, then all is closed."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server

from telemetry_run_service.process.protocol import BoundedProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from types import FrameType

    from telemetry_run_service.settings.settings import ServiceSettings

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BY_SIGNAL = 128  # what shells add to a signal's number


class GracefulServer(Server):
    """A uvicorn that ends at the first signal as soon as it may, and at the second one at once.

    :ivar on_ready: called when requests are answered.
    :ivar on_stop: called when a stop begins, before anything is waited for.
    """

    def __init__(
        self, config: Config, *, on_ready: Callable[[], None], on_stop: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and answer requests."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing new, finish what was accepted, then close the application."""
        self._on_stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Heed signals while the server runs; uvicorn would raise them once more at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - of uvicorn
        """Stop, or when that has been asked for already, end."""
        if self.should_exit:
            os._exit(_BY_SIGNAL + sig)  # SQLite rolls back what was not committed
        self.should_exit = True


def build_server(
    app: Any,
    settings: ServiceSettings,
    *,
    on_ready: Callable[[], None],
    on_stop: Callable[[], None],
) -> GracefulServer:
    """Return the server of an application."""
    config = Config(
        app,
        http=BoundedProtocol,
        loop="auto",  # uvloop where it is installed: reads then cost a fifth less
        ws="none",
        lifespan="on",
        workers=1,  # named, since uvicorn would ask WEB_CONCURRENCY
        access_log=False,  # our own log has one line a request
        log_config=None,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=[*settings.forwarded_allow_ips],
        server_header=True,
        timeout_graceful_shutdown=ceil(settings.stop_timeout_seconds),
        backlog=2048,
    )
    return GracefulServer(config, on_ready=on_ready, on_stop=on_stop)
