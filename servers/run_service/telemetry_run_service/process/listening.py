"""Listens: the sockets of an address, bound before the service starts, so that it can be refused."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from telemetry_run_service.process.refusals import AddressRefusedError

_BACKLOG = 2048
_WHY = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another one: --port N",
    errno.EACCES: "only the administrator may; choose a port from 1024 on: --port N",
    errno.EADDRNOTAVAIL: "this machine does not have that address; correct it: --host HOST",
}


def listen(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets for every address of a host, all of one port.

    :param port: 0 for any that is free. Raises `AddressRefusedError`.
    """
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        missing: OSError | None = None
        for family, address in _addresses(host, port):
            try:
                made = _listener(family, (address, port))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:  # `localhost` without IPv6 is no mistake
                    raise _refused(host, port, error) from error
                missing = error
                continue
            sockets.append(stack.enter_context(made))
            port = made.getsockname()[1]
        if not sockets:
            raise _refused(host, port, missing or OSError("it has no address"))
        stack.pop_all()
        return sockets


def url_of(host: str, sockets: list[socket.socket]) -> str:
    """Return where the service answers."""
    port = sockets[0].getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _addresses(host: str, port: int) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except (OSError, UnicodeError) as error:
        raise AddressRefusedError(
            f"{host!r} is no address of this machine: {error}; correct it: --host HOST"
        ) from error
    return [*dict.fromkeys((family, str(address[0])) for family, *_, address in found)]


def _listener(family: int, address: tuple[str, int]) -> socket.socket:
    # with the protocol named, asyncio turns Nagle's algorithm off: else an answer takes 40 ms
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if hasattr(socket, "SO_REUSEPORT"):  # not Windows, where it would share the port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def _refused(host: str, port: int, error: OSError) -> AddressRefusedError:
    why = _WHY.get(error.errno or 0, f"{error.strerror or error}; choose another address")
    return AddressRefusedError(f"{host} port {port} cannot be listened on: {why}")
