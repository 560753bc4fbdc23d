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

    def get(self) -> TelemetryClient | None:
        """Return it; one that is disabled where nothing is to be recorded. Never raises.

        Nothing where a signal handler asks in the middle of the import that a first call makes:
        the next call finds it done.
        """

    def end(self) -> None:
        """Have delivered what it was given, for `FLUSH_TIMEOUT` at most."""


class Kept:
    """Makes one at the first call. Without a lock, which a fork might leave locked in the child."""

    def __init__(self, make: Callable[[], TelemetryClient]) -> None:
        self._make = make
        self._made: dict[str, TelemetryClient] = {}

    def get(self) -> TelemetryClient | None:
        """Return the one that was ready first, where several threads make one."""
        made = self._made.get(_ONE)
        if made is None:
            made = _whatever_happens(self._make)
            if made is not None:
                made = self._made.setdefault(_ONE, made)
        return made

    def end(self) -> None:
        """Close it: it is nobody else's."""
        if (client := self.get()) is not None:
            client.close()


class Nearest:
    """Gives the default client where posthog is active in it, else one of its own beside it."""

    def __init__(self) -> None:
        self._default: Callable[[], TelemetryClient] | None = None
        self._beside: dict[TelemetryClient, TelemetryClient] = {}

    def get(self) -> TelemetryClient | None:
        """Look first whether the default client is still the one that was looked at."""
        default = self._default_client()
        return default and (self._beside.get(default) or self._look(default))

    def end(self) -> None:
        """Close our own; to the default client others speak too."""
        client = self.get()
        if client is None:
            return
        if client is self._default_client():
            client.flush(FLUSH_TIMEOUT)
        else:
            client.close()

    def _default_client(self) -> TelemetryClient | None:
        if self._default is None:
            return _whatever_happens(self._find_default)
        return self._default()

    def _find_default(self) -> TelemetryClient:
        from telemetry_core import get_client

        self._default = get_client
        return get_client()

    def _look(self, default: TelemetryClient) -> TelemetryClient | None:
        made = _whatever_happens(lambda: _to_posthog(default))
        if made is None:
            return None
        found = self._beside.setdefault(default, made)
        for other in [one for one in self._beside if one is not default]:
            self._beside.pop(other, None)
        return found


def _to_posthog(default: TelemetryClient) -> TelemetryClient:
    from telemetry_posthog.recorders import to_posthog

    return to_posthog(default)


def _whatever_happens(make: Callable[[], TelemetryClient]) -> TelemetryClient | None:
    """Return a client, a silent one where none can be had; nothing in the middle of an import."""
    try:
        made = make()
    except Exception as error:
        try:
            from telemetry_core import TelemetryClient
        except ImportError:
            return None
        made = TelemetryClient.silenced(error)
    return None if made.too_early else made
