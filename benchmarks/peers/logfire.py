"""Logfire's `info`, which is a span of OpenTelemetry, sent to a base URL of our own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.peers.contender import ALL_DELIVERED, Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "Logfire"
REQUIREMENTS = ("logfire==5.2.0",)


def begin(url: str, directory: str, room: int | None) -> Contender:
    """Begin with a token, which the server is asked about; nothing is printed."""
    if room is not None:
        os.environ["OTEL_BSP_MAX_QUEUE_SIZE"] = str(room)
    import logfire

    logfire.configure(
        token="pylf_v1_us_benchmark",
        service_name="crawler",
        console=False,
        data_dir=directory,
        advanced=logfire.AdvancedOptions(base_url=url),
    )

    def tell(properties: Properties) -> None:
        logfire.info(EVENT, **properties)

    def flush() -> None:
        logfire.force_flush(int(ALL_DELIVERED * 1000))

    return Contender(tell, flush, logfire.shutdown)
