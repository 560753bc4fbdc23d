"""A fake server on a port of this machine: as many connections as come, none that outlives it."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_telemetry.servers.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.servers.connection import Respond

_HOST = "127.0.0.1"
_PATIENCE = 5.0  # seconds that the end waits for threads that a test's function holds up


class Loopback:
    """A port that is this server's own, with a door in it that can be opened and shut.

    :ivar port: the number of the port, the same however often the door was shut.
    """

    def __init__(self, respond: Respond, tell: Callable[[], None], port: int = 0) -> None:
        self._respond = respond
        self._tell = tell
        # Keeps the port from everybody else while the door is shut; it lets in our own door only,
        # because it is bound before it says that it shares.
        self._seat = _bound(port)
        _share_port(self._seat)
        self.port: int = self._seat.getsockname()[1]
        self._door: _Door | None = None

    def open(self) -> None:
        """Take connections from now on."""
        if self._door is None:
            self._door = _Door(self._respond, self.port)

    def shut(self) -> None:
        """Refuse connections from now on, and end those there are."""
        door, self._door = self._door, None
        if door is not None:
            door.shut(self._tell)

    def close(self) -> None:
        """Shut the door and give the port back."""
        self.shut()
        self._seat.close()


class _Door:
    """A listening socket, the thread that accepts, and one thread for each connection."""

    def __init__(self, respond: Respond, port: int) -> None:
        self._respond = respond
        self._shut = False
        self._pid = os.getpid()
        self._listener = _bound(port, shared=True)
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._bell, self._waker = socket.socketpair()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="fake server", daemon=True)
        self._thread.start()

    def is_shut(self) -> bool:
        """Tell whether nobody can be answered any more."""
        return self._shut

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while not self._shut:
                selector.select()
                with suppress(OSError):  # it went away again, or the bell it was
                    self._serve(self._listener.accept()[0])

    def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        thread = threading.Thread(
            target=self._converse, args=(connection,), name="fake server", daemon=True
        )
        with self._turn:
            self._connections[connection] = thread
        thread.start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):  # the client went away
                Connection(connection, self._respond, self.is_shut)
        finally:
            with self._turn:
                self._connections.pop(connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.close()

    def shut(self, tell: Callable[[], None]) -> None:
        """End everything; threads that somebody else's function holds up are left to themselves."""
        self._shut = True
        if os.getpid() == self._pid:  # in a forked child all of it is still its parent's
            self._end(tell)
        for one in (self._listener, self._bell, self._waker):
            one.close()

    def _end(self, tell: Callable[[], None]) -> None:
        with suppress(OSError):  # also for children that were forked and have it open
            self._listener.shutdown(socket.SHUT_RDWR)
        self._waker.send(b"!")
        _join([self._thread])
        with self._turn:
            left = dict(self._connections)
            for connection in left:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        tell()
        _join(list(left.values()))


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(_PATIENCE)
            if thread.is_alive():
                return


def _bound(port: int, *, shared: bool = False) -> socket.socket:
    one = socket.socket()
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            _share_port(one)
        one.bind((_HOST, port))
    except (OSError, OverflowError):
        one.close()
        raise
    return one


def _share_port(one: socket.socket) -> None:
    if hasattr(socket, "SO_REUSEPORT"):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
