"""Where the clients of this package get the core's from, which record, deliver and give up."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from telemetry_core import ConfigError, TelemetryClient, TelemetryConfig, get_client
from telemetry_posthog.address import project_key
from telemetry_posthog.consent import Consent
from telemetry_posthog.constants import FLUSH_TIMEOUT, WORKER_WAKE_INTERVAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAME = "posthog"

_NO_KEY = (
    "posthog has no project key: set api_key in [plugins.posthog] or POSTHOG_API_KEY (phc_…, from"
    " the project settings of PostHog); nothing is sent without"
)


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
        made = self._made.get(NAME)
        if made is None:
            made = self._made.setdefault(NAME, _whatever_happens(self._make))
        return made

    def end(self) -> None:
        """Close it: it is nobody else's."""
        self.get().close()


class Nearest:
    """Gives the default client where posthog is active in it, else one of its own beside it."""

    def __init__(self) -> None:
        self._beside: dict[TelemetryClient, TelemetryClient] = {}

    def get(self) -> TelemetryClient:
        """Look first whether the default client is still the one that was looked at."""
        default = get_client()
        found = self._beside.get(default)
        if found is None:
            made = _whatever_happens(partial(_to_posthog, default))
            found = self._beside.setdefault(default, made)
            for other in [one for one in self._beside if one is not default]:
                self._beside.pop(other, None)
        return found

    def end(self) -> None:
        """Close our own; to the default client others speak too."""
        client = self.get()
        if client is get_client():
            client.flush(FLUSH_TIMEOUT)
        else:
            client.close()


def in_memory(settings: Mapping[str, Any], queue_size: int) -> TelemetryClient:
    """Return a client of the core's with one sink, whose records wait in memory.

    Raises `TelemetryError` or `TypeError` for settings that cannot be meant.
    """
    config = TelemetryConfig.from_env()
    if _refused(config, settings):
        return _silent(config)
    from telemetry_posthog.sink import PostHogSink

    sink = PostHogSink(**settings)
    delivery = evolve(config.delivery, linger=WORKER_WAKE_INTERVAL, exit_timeout=FLUSH_TIMEOUT)
    table = {"delivery": "memory", "queue_size": queue_size}
    own = evolve(config, active=(), delivery=delivery, plugins={NAME: table})
    return TelemetryClient(own, plugins=[sink])


def _to_posthog(default: TelemetryClient) -> TelemetryClient:
    """Return what speaks to PostHog as the configuration of the default client says.

    Raises `ConfigError` where there is no key, or none that could be one.
    """
    config = default.config
    if config is None:  # it could not be read, and its client has said so
        return default
    name = next((one for one in config.active if config.kind_of(one) == NAME), NAME)
    table = config.plugins.get(name, {})
    if _refused(config, table):
        return _silent(config)
    if not _has_key(config, table):
        raise ConfigError(_NO_KEY)
    return default if name in config.active else TelemetryClient(evolve(config, active=(name,)))


def _refused(config: TelemetryConfig, settings: Mapping[str, Any]) -> bool:
    """Tell whether the user wants nothing sent: by a variable, or by the choice he stored."""
    if config.disabled or config.do_not_track:
        return True
    consent = settings.get("consent")
    return consent is not None and not Consent.stored(consent).telemetry


def _has_key(config: TelemetryConfig, table: Mapping[str, Any]) -> bool:
    """Tell whether there is a key, or a place where its reader will find it."""
    key = config.environ.text("POSTHOG_API_KEY") or table.get("api_key")
    return bool(project_key(key) if isinstance(key, str) else key)


def _silent(config: TelemetryConfig) -> TelemetryClient:
    return TelemetryClient(evolve(config, disabled=True))


def _whatever_happens(make: Callable[[], TelemetryClient]) -> TelemetryClient:
    try:
        return make()
    except Exception as error:
        return TelemetryClient.silenced(error)
