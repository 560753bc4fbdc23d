"""The module that the guide describes, written with PostHog's SDK, as it was before the guide."""

from __future__ import annotations

from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from posthog import Posthog

if TYPE_CHECKING:
    from collections.abc import Iterator


class Client(Posthog):
    def flush(self, timeout: float | None = 2.0) -> None:
        super().flush(timeout)


def module(url: str) -> ModuleType:
    """Return the module, its client sending there."""
    client = Client("phc_key", host=url)

    @contextmanager
    def capture(
        event_start: str, event_end: str, properties: dict[str, Any] | None = None
    ) -> Iterator[None]:
        client.capture(event_start, properties=properties)
        try:
            yield
        except Exception as error:
            client.capture_exception(error, properties=properties)
            raise
        client.capture(event_end, properties=properties)

    def capture_exception(error: Exception, properties: dict[str, Any] | None = None) -> None:
        client.capture_exception(error, properties=properties)

    guide = ModuleType("atopile.telemetry")
    vars(guide).update(
        client=client,
        capture=capture,
        capture_exception=capture_exception,
        _flush_telemetry_on_exit=client.flush,
        _get_telemetry_client=lambda: client,
    )
    return guide
