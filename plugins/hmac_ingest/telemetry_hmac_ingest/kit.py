"""The client of the protocol's documents: what was used of a program, by its users' choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import define, evolve, field
from attrs.validators import in_

from telemetry_core import ConfigError, Secret, TelemetryClient, TelemetryConfig
from telemetry_hmac_ingest.address import bearer, identifier, server_root, signing_secret
from telemetry_hmac_ingest.events import COMMAND, FEATURE
from telemetry_hmac_ingest.sink import HmacIngestSink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telemetry_core import FlushReport

SYNC_TIMEOUT = 30.0

_LONGEST_NAME = 255


@define(frozen=True)
class SyncConfig:
    """Where events go and what they are signed with; raises `ConfigError` for what cannot be meant."""

    endpoint: str = field(converter=server_root)
    org_id: str = field(converter=identifier)
    app_id: str = field(converter=identifier)
    token: Secret = field(converter=bearer)
    secret: Secret = field(converter=signing_secret)
    signing: Literal["nonce", "legacy"] = field(default="nonce", validator=in_(("nonce", "legacy")))
    gzip: bool = False

    def sink(self, **settings: Any) -> HmacIngestSink:
        """Return the sink that sends there."""
        return HmacIngestSink(
            endpoint=self.endpoint,
            org_id=self.org_id,
            app_id=self.app_id,
            secret=self.secret,
            token=self.token,
            signing=self.signing,
            gzip=self.gzip,
            **settings,
        )


class TelemetryKit:
    """Says what commands and features are used; never raises into the program, never waits for it.

    Events are in the spool before a call returns, and are sent in the background and at `sync`;
    what is not sent when the program ends goes with its next start. `DO_NOT_TRACK` or `DNT` set:
    nothing is sent.

    :param sync: without it events go to the sinks that the environment's configuration names.
    :param settings: further settings of the sink by name: service_version, environment, …
    """

    def __init__(
        self, service_name: str, *, sync: SyncConfig | None = None, **settings: Any
    ) -> None:
        config = TelemetryConfig.from_env()
        config = evolve(config, service=_service(service_name))
        if sync is None:
            self.client = TelemetryClient(config)
            return
        settings.setdefault("dnt", config.environ.says_yes("DNT"))
        sink = sync.sink(service=config.service, **settings)
        self.client = TelemetryClient(evolve(config, active=()), plugins=[sink])

    def track_command(
        self,
        command: str,
        *,
        success: bool = True,
        subcommand: str | None = None,
        flags: Sequence[str] | None = None,
        duration_ms: int | None = None,
        exit_code: int | None = None,
        **data: Any,
    ) -> str:
        """Say that a command was called, and how it ended; return the id of the event."""
        known = {
            "command": command,
            "subcommand": subcommand,
            "flags": None if flags is None else list(flags),
            "success": success,
            "duration_ms": duration_ms,
            "exit_code": exit_code,
        }
        return self.track(COMMAND, data | _stated(known))

    def track_feature(
        self, feature: str, *, method: str | None = None, success: bool = True, **data: Any
    ) -> str:
        """Say that a feature was used; return the id of the event."""
        known = {"feature": feature, "method": method, "success": success}
        return self.track(FEATURE, data | _stated(known))

    def track(self, event_type: str, data: Mapping[str, Any] | None = None) -> str:
        """Say that something happened; return the id of the event."""
        return self.client.capture(event_type, None, data)

    def sync(self, timeout: float = SYNC_TIMEOUT) -> FlushReport:
        """Have everything sent within so many seconds; true when nothing waits any more."""
        return self.client.flush(timeout)

    def close(self) -> None:
        """Send what can be sent at once, and take nothing more."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _stated(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _service(name: str) -> str:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"service_name is a text of 1 to {_LONGEST_NAME} letters, not {name!r}")
    return name.strip()
