"""PostHog's client: `capture`, in batches of 100."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.contender import ALL_DELIVERED, Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "PostHog"
REQUIREMENTS = ("posthog==7.91.1",)


def begin(url: str, _directory: str, room: int | None) -> Contender:
    """Begin with a project key and a host."""
    from posthog import Posthog

    settings: dict[str, Any] = {} if room is None else {"max_queue_size": room}
    client = Posthog("phc_benchmark", host=url, **settings)

    def tell(properties: Properties) -> None:
        client.capture(EVENT, distinct_id="user-1", properties=properties)

    return Contender(tell, lambda: client.flush(ALL_DELIVERED), client.shutdown)
