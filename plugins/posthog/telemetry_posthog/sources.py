"""Where a client of this package gets the core's from, which is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from telemetry_posthog.constants import FLUSH_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core import TelemetryClient

_ONE = "made"


class Source(Protocol):
    """Gives the core's client that takes records just now."""

    def get(self) -> TelemetryClient:
        """Return it; one that is disabled where nothing is to be recorded. Never raises."""

    def end(self) -> None:
        """Have delivered what it was given, for `FLUSH_TIMEOUT` at most."""


class Kept:
    """Makes one at the first call. Without a lock, which a fork might leave locked in the child."""

    def __init__(self, make: Callable[[], TelemetryClient]) -> None:
        self._make = make
        self._made: dict[str, TelemetryClient] = {}

    def get(self) -> TelemetryClient:
        """Return the one that was ready first, where several threads make one."""
        made = self._made.get(_ONE)
        if made is None:
            made = self._made.setdefault(_ONE, _whatever_happens(self._make))
        return made

    def end(self) -> None:
        """Close it: it is nobody else's."""
        self.get().close()


class Nearest:
    """Gives the default client where posthog is active in it, else one of its own beside it."""

    def __init__(self) -> None:
        self._default: Callable[[], TelemetryClient] | None = None
        self._beside: dict[TelemetryClient, TelemetryClient] = {}

    def get(self) -> TelemetryClient:
        """Look first whether the default client is still the one that was looked at."""
        default = self._default_client()
        return self._beside.get(default) or self._look(default)

    def end(self) -> None:
        """Close our own; to the default client others speak too."""
        client = self.get()
        if client is self._default_client():
            client.flush(FLUSH_TIMEOUT)
        else:
            client.close()

    def _default_client(self) -> TelemetryClient:
        if self._default is None:
            from telemetry_core import get_client

            self._default = get_client
        return self._default()

    def _look(self, default: TelemetryClient) -> TelemetryClient:
        from telemetry_posthog.recorders import to_posthog

        made = _whatever_happens(lambda: to_posthog(default))
        found = self._beside.setdefault(default, made)
        for other in [one for one in self._beside if one is not default]:
            self._beside.pop(other, None)
        return found


def _whatever_happens(make: Callable[[], TelemetryClient]) -> TelemetryClient:
    try:
        return make()
    except Exception as error:
        from telemetry_core import TelemetryClient

        return TelemetryClient.silenced(error)
