"""The lightest client of HTTP/1.1: ready requests over sockets that stay open, and little else."""

from __future__ import annotations

import socket
from itertools import islice
from selectors import EVENT_READ, DefaultSelector
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Iterator
    from selectors import SelectorKey

HERE = "127.0.0.1"
PATIENCE = 60.0
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"
OK = range(200, 300)


class Answer(NamedTuple):
    """The status and the body of an answer."""

    status: int
    body: bytes


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {HERE}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class KeepAlive:
    """One connection, with one request under way at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HERE, port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, told: bytes) -> bytes:
        """Send a request and return the body of its answer, which has to be a good one."""
        self.socket.sendall(told)
        answer = self.answer()
        if answer.status not in OK:
            line = told.partition(b"\r\n")[0].decode()
            raise RuntimeError(f"{line}: {answer.status} {answer.body[:200].decode()}")
        return answer.body

    def answer(self) -> Answer:
        """Read one answer to its end."""
        read = bytearray()
        while (end := read.find(END_OF_HEAD)) < 0:
            self._read_more(read)
        head = bytes(read[:end]).lower()
        begin = head.index(LENGTH) + len(LENGTH)
        whole = end + len(END_OF_HEAD) + int(head[begin:].partition(b"\r")[0])
        while len(read) < whole:
            self._read_more(read)
        return Answer(int(head[9:12]), bytes(read[end + len(END_OF_HEAD) :]))

    def _read_more(self, read: bytearray) -> None:
        part = self.socket.recv(1 << 18)
        if not part:
            raise RuntimeError("the service closed the connection")
        read += part

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


@define(frozen=True)
class Crowd:
    """What became of the requests of several clients at once.

    :ivar taken: the seconds of each acknowledged request, in no order.
    :ivar refused: how many were answered, but not with success.
    """

    seconds: float
    taken: list[float]
    refused: int


def crowd(port: int, clients: int, seconds: float, told: Iterator[bytes]) -> Crowd:
    """Have clients ask one request after the other, all of them at once, for so long.

    One thread serves their sockets: it costs less than a thread each, and leaves the cores to
    the service.
    """
    connections = [KeepAlive(port) for _ in range(clients)]
    taken: list[float] = []
    refused = 0
    begun: dict[KeepAlive, float] = {}
    with DefaultSelector() as waiting:
        since = perf_counter()
        for connection, first in zip(connections, islice(told, clients), strict=True):
            waiting.register(connection.socket, EVENT_READ, connection)
            begun[connection] = perf_counter()
            connection.socket.sendall(first)
        until = since + seconds
        while begun:
            for connection in _answering(waiting):
                good = connection.answer().status in OK
                now = perf_counter()
                if good:
                    taken.append(now - begun.pop(connection))
                else:
                    refused += bool(begun.pop(connection))
                if now < until:
                    begun[connection] = now
                    connection.socket.sendall(next(told))
        all_of_it = perf_counter() - since
    for connection in connections:
        connection.close()
    return Crowd(all_of_it, taken, refused)


def _answering(waiting: DefaultSelector) -> Iterator[KeepAlive]:
    ready: list[tuple[SelectorKey, int]] = waiting.select(PATIENCE)
    if not ready:
        raise RuntimeError(f"nobody was answered for {PATIENCE:.0f} s")
    for key, _events in ready:
        yield key.data
