"""What one would write by hand: encode, and post every hundred; nothing waits, nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.peers.contender import Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "by hand: msgspec and `http.client`"
REQUIREMENTS = ()
AT_ONCE = 100
HEADERS = {"Content-Type": "application/json"}


def begin(url: str, _directory: str, _room: int | None) -> Contender:
    """Begin with one connection, on the caller's own thread."""
    from http.client import HTTPConnection
    from threading import Lock
    from time import time_ns

    from msgspec.json import Encoder

    connection = HTTPConnection(urlsplit(url).netloc)
    encode = Encoder().encode
    waiting: list[bytes] = []
    one_at_a_time = Lock()

    def tell(properties: Properties) -> None:
        waiting.append(encode({"event": EVENT, "time": time_ns(), "properties": properties}))
        if len(waiting) >= AT_ONCE:
            flush()

    def flush() -> None:
        with one_at_a_time:
            if not waiting:
                return
            some = waiting[:]
            del waiting[: len(some)]
            connection.request("POST", "/", b"[" + b",".join(some) + b"]", HEADERS)
            connection.getresponse().read()

    return Contender(tell, flush, connection.close)
