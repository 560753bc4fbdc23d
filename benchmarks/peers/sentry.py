"""Sentry's structured logs, in batches of 100; its bound of 1000 logs has no setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.contender import ALL_DELIVERED, Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "Sentry logs"
REQUIREMENTS = ("sentry-sdk==2.75.0",)


def begin(url: str, _directory: str, _room: int | None) -> Contender:
    """Begin with a DSN and with logs enabled."""
    import sentry_sdk
    from sentry_sdk import logger

    dsn = f"{url.replace('://', '://public@')}/1"
    sentry_sdk.init(dsn=dsn, enable_logs=True)

    def tell(properties: Properties) -> None:
        logger.info(EVENT, attributes=properties)

    def flush() -> None:
        sentry_sdk.flush(ALL_DELIVERED)

    return Contender(tell, flush, lambda: sentry_sdk.get_client().close(ALL_DELIVERED))
