"""Ours a hundred times in one program: each client has a spool and a remote sink of its own."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import ours_remote
from benchmarks.peers.contender import Contender

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "**ours**, 100 clients"
REQUIREMENTS = ours_remote.REQUIREMENTS
CLIENTS = 100


def begin(url: str, directory: str, room: int | None) -> Contender:
    """Begin them all; they take turns in telling."""
    clients = [ours_remote.begin(url, str(Path(directory, str(n))), room) for n in range(CLIENTS)]
    turns = cycle(clients)

    def tell(properties: Properties) -> None:
        next(turns).tell(properties)

    def flush() -> None:
        for client in clients:
            client.flush()

    def close() -> None:
        for client in clients:
            client.close()

    return Contender(tell, flush, close)
