"""The sink server's own process: listens on a loopback port, and obeys lines on its input.

A line of input is JSON, `{"do": "counts"}`, and so is the line that answers it. The process ends
with its input, so none outlives the one that started it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
from collections import Counter
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from benchmarks.sink_server.answers import Request, usual
from benchmarks.sink_server.connection import Connection
from benchmarks.sink_server.faults import KINDS
from benchmarks.sink_server.marks import marks

if TYPE_CHECKING:
    from benchmarks.sink_server.answers import Reply
    from benchmarks.sink_server.faults import Fault

BACKLOG = 1024
LOOPBACK = "127.0.0.1"


class Server:
    """Keeps what arrives, and counts it when asked, so that counting costs the sender nothing."""

    def __init__(self, certificate: str = "") -> None:
        """Hold a port.

        :param certificate: a file with a certificate and its key, for the fault that speaks TLS.
        """
        self._certificate = certificate
        self._bodies: list[tuple[bytes, str, float]] = []
        self._counted: Counter[int] = Counter()
        self._requests: Counter[str] = Counter()
        self._last = 0.0
        self._fault: Fault | None = None
        self._context: ssl.SSLContext | None = None
        self._connections: set[Connection] = set()
        self._listening: asyncio.Server | None = None
        self._held = _bound(0)
        self.port: int = self._held.getsockname()[1]

    async def listen(self) -> None:
        """Accept connections on the port that is held."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: Connection(self._ask, self._meet, self._connections),
            sock=self._held,
            backlog=BACKLOG,
            ssl=self._context,
        )

    async def obey(self, order: dict[str, Any]) -> object:
        """Do what a line asks for, and return what is answered."""
        match order.pop("do"):
            case "counts":
                return self._counts()
            case "requests":
                return dict(self._requests)
            case "last":
                self._counts()
                return self._last
            case "forget":
                self._forget()
            case "misbehave":
                await self._misbehave(**order)
            case "behave":
                await self._behave()
            case unknown:
                raise ValueError(f"nothing here does {unknown!r}")
        return None

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply | None:
        request = Request(method, path, headers, body)
        self._requests[path.partition("?")[0]] += 1
        reply: Reply | None = usual(path)
        if self._fault is not None and reply is not None:
            reply = self._fault.answer(request, reply)
        if reply is not None and reply.stored and body:
            self._bodies.append((body, headers.get("content-encoding", ""), monotonic()))
        return reply

    def _meet(self, transport: asyncio.Transport) -> bool:
        return self._fault is not None and self._fault.received(transport)

    def _counts(self) -> dict[str, int]:
        for body, encoding, when in self._bodies:
            if found := marks(body, encoding):
                self._counted += found
                self._last = when
        self._bodies.clear()
        return {str(mark): often for mark, often in self._counted.items()}

    def _forget(self) -> None:
        self._bodies.clear()
        self._counted.clear()
        self._requests.clear()

    async def _misbehave(self, kind: str, how: dict[str, Any]) -> None:
        await self._behave()
        fault = KINDS[kind](**how)
        self._fault = fault
        await self._stand(self._tls() if fault.tls else None, listening=fault.listening)

    async def _behave(self) -> None:
        """Be healthy; whoever a fault has kept waiting finds the connection ended."""
        if self._fault is not None:
            self._cut()
        self._fault = None
        await self._stand(None, listening=True)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        return context

    async def _stand(self, context: ssl.SSLContext | None, *, listening: bool) -> None:
        """Let in nobody, or those who speak plainly, or those who speak TLS."""
        if context is self._context and listening is (self._listening is not None):
            return
        if self._listening is not None:
            await self._refuse()
        self._context = context
        if listening:
            await self.listen()

    async def _refuse(self) -> None:
        """Stop listening but keep the port: bound and silent, it refuses connections."""
        assert self._listening is not None
        self._held = _bound(self.port)
        self._listening.close()
        self._cut()
        self._listening = None
        await asyncio.sleep(0)

    def _cut(self) -> None:
        for connection in tuple(self._connections):
            connection.transport.abort()


def _bound(port: int) -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with suppress(AttributeError):  # so that the port can be held while its listener closes
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((LOOPBACK, port))
    held.setblocking(False)
    return held


async def serve() -> None:
    """Say the port, then obey until the input ends."""
    server = Server(*sys.argv[1:])
    await server.listen()
    print(server.port, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            said = {"said": await server.obey(json.loads(line))}
        except Exception as error:
            said = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
