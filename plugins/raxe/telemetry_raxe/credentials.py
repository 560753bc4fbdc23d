"""The credentials: a key, whose it is, how long it lives, what the server allows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from telemetry_core import SystemClock
from telemetry_raxe.days import HOUR, days_since, days_until, read_time
from telemetry_raxe.keys import KeyType, validate_key_format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core import Clock

_SYSTEM: Clock = SystemClock()
_TEXTS = ("api_key", "key_type", "installation_id", "created_at")
_TEXTS_OR_NOTHING = ("expires_at", "first_seen_at", "last_health_check")
_FLAGS = ("can_disable_telemetry", "offline_mode", "temp_key_notice_shown")


@dataclass
class Credentials:
    """A key and what is known of it; the key shows itself to nobody who prints this.

    Times are ISO 8601. One that cannot be read counts as not given.
    """

    api_key: str = field(repr=False)
    key_type: KeyType
    installation_id: str
    created_at: str
    expires_at: str | None
    first_seen_at: str | None

    can_disable_telemetry: bool = False
    offline_mode: bool = False
    tier: str = "temporary"
    last_health_check: str | None = None
    temp_key_notice_shown: bool = False

    def is_expired(self, *, clock: Clock = _SYSTEM) -> bool:
        """Tell whether the key is too old."""
        expiry = read_time(self.expires_at)
        return expiry is not None and clock.time_ns() >= expiry

    def is_temporary(self) -> bool:
        """Tell whether it is a temporary key."""
        return self.key_type == "temporary"

    def days_until_expiry(self, *, clock: Clock = _SYSTEM) -> int | None:
        """Return the days that are left, the last one counting until its end; nothing without expiry."""
        expiry = read_time(self.expires_at)
        return None if expiry is None else days_until(expiry, clock.time_ns())

    def days_since_expiry(self, *, clock: Clock = _SYSTEM) -> int | None:
        """Return the full days since the key expired; nothing without expiry."""
        expiry = read_time(self.expires_at)
        return None if expiry is None else days_since(expiry, clock.time_ns())

    def is_health_check_stale(self, max_age_hours: int = 24, *, clock: Clock = _SYSTEM) -> bool:
        """Tell whether what the server allows has to be asked again.

        So it is after a time that lies as far ahead: the server's clock or ours is wrong.
        """
        checked = read_time(self.last_health_check)
        return checked is None or abs(clock.time_ns() - checked) > max_age_hours * HOUR

    def to_dict(self) -> dict[str, Any]:
        """Return what stands in the file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """Return the credentials of a file; what they do not know is left out.

        Raises `ValueError` that names the field, and `CredentialError` for a text that is no key.
        """
        for names, kinds, wanted in (
            (_TEXTS, str, "a text"),
            (("tier",), str, "a text"),
            (_TEXTS_OR_NOTHING, (str, type(None)), "a text or null"),
            (_FLAGS, bool, "true or false"),
        ):
            for name in names:
                if name in _TEXTS and name not in said:
                    raise ValueError(f"{name} is missing")
                if name in said and not isinstance(said[name], kinds):
                    raise ValueError(f"{name} is not {wanted}")
        if validate_key_format(said["api_key"]) != said["key_type"]:
            raise ValueError("key_type is not that of the key")
        known = {one.name for one in fields(cls)}
        optional = {"expires_at": None, "first_seen_at": None}
        return cls(**{**optional, **{name: said[name] for name in said if name in known}})
