"""What the service says of a key, and the errors of asking for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from telemetry_core import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T", str, int, bool)


class HealthCheckError(TelemetryError):
    """Asking failed; the base of how it can."""


class AuthenticationError(HealthCheckError):
    """The key is not accepted: unknown, expired or revoked."""


class NetworkError(HealthCheckError):
    """The service cannot be reached."""


class ServerError(HealthCheckError):
    """The service is in trouble."""


class TimeoutError(HealthCheckError):  # noqa: A001 - the name that the documents give it
    """The service did not answer in time."""


@dataclass(frozen=True)
class TrialStatus:
    """How a trial goes."""

    is_trial: bool
    days_remaining: int | None
    scans_during_trial: int
    threats_detected_during_trial: int


@dataclass(frozen=True)
class HealthResponse:
    """What the service says of a key; what it leaves out is nothing, unknown or not allowed."""

    key_type: str
    tier: str
    days_remaining: int | None
    events_today: int
    events_remaining: int
    rate_limit_rpm: int
    rate_limit_daily: int
    can_disable_telemetry: bool
    offline_mode: bool
    server_time: str
    trial_status: TrialStatus | None

    @classmethod
    def from_api_response(cls, data: Mapping[str, Any]) -> Self:
        """Read an answer; raises `HealthCheckError` for one without a key or with wrong types."""
        answer = _Section(data, "the answer")
        if "key" not in answer.said:
            raise HealthCheckError("the answer says nothing of the key; check the address")
        key = answer.section("key")
        usage, limits = key.section("usage_today"), key.section("rate_limit")
        features, trial = key.section("features"), _trial(key.section("trial_status"))
        return cls(
            key_type=key.get("type", "unknown"),
            tier=key.get("tier", "unknown"),
            days_remaining=None if trial is None else trial.days_remaining,
            events_today=usage.get("events_sent", 0),
            events_remaining=usage.get("events_remaining", 0),
            rate_limit_rpm=limits.get("requests_per_minute", 0),
            rate_limit_daily=limits.get("events_per_day", 0),
            can_disable_telemetry=features.get("can_disable_telemetry", False),
            offline_mode=features.get("offline_mode", False),
            server_time=answer.get("server_time", ""),
            trial_status=trial,
        )


def _trial(section: _Section) -> TrialStatus | None:
    if not section.get("is_trial", False):
        return None
    days = section.said.get("days_remaining")
    return TrialStatus(
        is_trial=True,
        days_remaining=None if days is None else section.get("days_remaining", 0),
        scans_during_trial=section.get("scans_during_trial", 0),
        threats_detected_during_trial=section.get("threats_detected_during_trial", 0),
    )


class _Section:
    """An object of the answer and its place there; whatever is wrong with it is an error of ours."""

    def __init__(self, said: object, place: str) -> None:
        if not isinstance(said, dict):
            raise HealthCheckError(
                f"{place} is {_in_words(said)} and no object; no RAXE answers so: check the address"
            )
        self.said: dict[str, Any] = said
        self._place = place

    def section(self, name: str) -> _Section:
        """Return the object of a name, an empty one where there is none."""
        return _Section(self.said.get(name, {}), f"{name} in {self._place}")

    def get(self, name: str, default: _T) -> _T:
        """Return the value of a name, of the type that the default has."""
        value = self.said.get(name)
        if value is None:
            return default
        if type(value) is not type(default):
            wanted = {str: "a text", int: "a whole number", bool: "true or false"}[type(default)]
            raise HealthCheckError(
                f"{name} in {self._place} is {_in_words(value)} and not {wanted}; check the address"
            )
        return value


def _in_words(value: object) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
