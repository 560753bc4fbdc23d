"""Who listens is told in order, and let go when it does not read."""

from __future__ import annotations

import asyncio

from telemetry_run_service.storage.watching import Listener, Message
from telemetry_sqlite.rows import ROW_COLUMNS

NOTHING = dict.fromkeys(ROW_COLUMNS)


def messages(count: int) -> list[Message]:
    return [Message(number, f"boot-{number}", {**NOTHING, "id": number}) for number in range(count)]


def heard(listener: Listener) -> list[bytes]:
    """Return what it is given until it has left."""

    async def listen() -> list[bytes]:
        return [text async for text in listener.texts()]

    return asyncio.run(asyncio.wait_for(listen(), 10.0))


def test_who_does_not_read_for_long_is_let_go() -> None:
    left: list[Listener] = []
    listener = Listener(lambda _: True, left.append, whole=False)
    listener.tell(messages(1000))
    assert left == []
    listener.tell(messages(1))
    assert left == [listener]
    assert heard(listener) == []


def test_who_wants_little_may_be_slow() -> None:
    left: list[Listener] = []
    listener = Listener(lambda run: run["id"] == 7, left.append, whole=False)
    listener.tell(messages(5000))
    assert left == []
