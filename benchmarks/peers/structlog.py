"""structlog to a file, set up as its page on performance says: a line of JSON an event."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.contender import Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers.contender import Properties

NAME = "structlog (a file)"
REQUIREMENTS = ("structlog==26.1.0", "orjson==3.11.4")


def begin(_url: str, directory: str, _room: int | None) -> Contender:
    """Begin with a file that is flushed after each line."""
    import orjson
    import structlog

    path = Path(directory, "structlog.ndjson")
    file = path.open("ab")
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(file),
    )
    log = structlog.get_logger()

    def tell(properties: Properties) -> None:
        log.info(EVENT, **properties)

    def kept() -> Iterator[bytes]:
        yield path.read_bytes()

    return Contender(tell, file.flush, file.close, kept)
