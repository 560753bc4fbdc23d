"""The key of this user: read, made, replaced by a permanent one, told what the server allows."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from telemetry_core import Environment, SystemClock, get_logger, installation_id
from telemetry_raxe.addresses import keys_page
from telemetry_raxe.credentials import Credentials
from telemetry_raxe.credentials_file import CredentialsFile
from telemetry_raxe.days import DAY, to_the_second
from telemetry_raxe.errors import CredentialError, CredentialExpiredError, InvalidKeyFormatError
from telemetry_raxe.keys import (
    first_tier,
    new_temporary_key,
    permanent_type,
    validate_key_format,
)
from telemetry_raxe.permissions import permissions_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core import Clock

__all__ = [
    "CredentialError",
    "CredentialExpiredError",
    "CredentialStore",
    "Credentials",
    "InvalidKeyFormatError",
    "validate_key_format",
]

_log = get_logger("telemetry_core.raxe")

_VARIABLE = "RAXE_API_KEY"
_TRIAL = 14 * DAY


class CredentialStore:
    """Keeps the credentials in a file that only their owner can read.

    A well-formed `RAXE_API_KEY` goes before the file, and never into it. Any process of the user
    may use the file at any time: it is replaced as a whole, by one process after the other.

    :param credential_path: the file; without, `~/.raxe/credentials.json`.
    """

    def __init__(
        self,
        credential_path: Path | None = None,
        *,
        environ: Environment | None = None,
        clock: Clock | None = None,
    ) -> None:
        given = None if credential_path is None else Path(os.path.expanduser(credential_path))
        self.path = given or _default_path()
        self._file = CredentialsFile(self.path, folder_is_ours=given is None)
        self._environ = Environment() if environ is None else environ
        self._clock: Clock = SystemClock() if clock is None else clock

    def load(self) -> Credentials | None:
        """Return what the file holds, or nothing when there is none.

        Raises `CredentialError` when it cannot be read; a copy of what cannot be understood is
        kept beside it.
        """
        return self._file.read()

    def save(self, credentials: Credentials) -> None:
        """Write the file, for its owner only; raises `CredentialError` when that cannot be done."""
        with self._file.locked():
            self._file.write(credentials)

    def get_or_create(self, *, raise_on_expired: bool = True) -> Credentials:
        """Return the credentials in force: of the environment, of the file, else new temporary ones.

        Raises `CredentialExpiredError` for an expired key, unless that does not matter, and
        `CredentialError` for a file that cannot be read: nothing is written over it.
        """
        found = self.from_environment() or self.load() or self._created()
        if raise_on_expired and found.is_expired(clock=self._clock):
            days = found.days_since_expiry(clock=self._clock) or 0
            raise CredentialExpiredError(console_url=keys_page(self._environ), days_expired=days)
        return found

    def from_environment(self) -> Credentials | None:
        """Return credentials with the key that the environment names, if it names one."""
        key = self._environ.text(_VARIABLE)
        if key is None:
            return None
        try:
            key_type = validate_key_format(key)
        except InvalidKeyFormatError as error:
            _log.warning("%s is left alone: %s", _VARIABLE, error)
            return None
        return Credentials(
            api_key=key,
            key_type=key_type,
            installation_id=self._installation_id(),
            created_at=self._now(),
            expires_at=None,
            first_seen_at=None,
            tier=first_tier(key_type),
        )

    def upgrade_key(
        self, new_api_key: str, key_type: Literal["live", "test", "nfr"]
    ) -> Credentials:
        """Replace the key by a permanent one, for the same installation, and return what is kept.

        What the old key was allowed is forgotten. Raises `InvalidKeyFormatError`, and
        `CredentialError` for a key of another type or a file that cannot be read.
        """
        actual = permanent_type(new_api_key, key_type)
        with self._file.locked():
            kept = self._file.read()
            upgraded = Credentials(
                api_key=new_api_key,
                key_type=actual,
                installation_id=kept.installation_id if kept else self._made_installation_id(),
                created_at=self._now(),
                expires_at=None,
                first_seen_at=None,
                tier=first_tier(actual),
                temp_key_notice_shown=kept is not None and kept.temp_key_notice_shown,
            )
            self._file.write(upgraded)
        return upgraded

    def update_from_health(
        self, health_response: Mapping[str, Any], *, api_key: str | None = None
    ) -> Credentials | None:
        """Remember what the server allows, from its own answer or the fields of `HealthResponse`.

        With a key of the environment nothing is written: the answer is not about the file's key.

        :param api_key: the key that the answer is about; nothing is written of any other.
        """
        told = permissions_in(health_response, self._now())
        if environment := self.from_environment():
            return replace(environment, **told)
        with self._file.locked():
            kept = self._file.read()
            if kept is None or api_key not in {None, kept.api_key}:
                return None
            told["first_seen_at"] = kept.first_seen_at or told.get("first_seen_at")
            updated = replace(kept, **told)
            self._file.write(updated)
        return updated

    def delete(self) -> bool:
        """Delete the file; false when there was none."""
        with self._file.locked():
            return self._file.delete()

    def _created(self) -> Credentials:
        with self._file.locked():
            found = self._file.read()  # of another process that was quicker
            if found is None:
                found = self._new()
                self._file.write(found)
        return found

    def _new(self) -> Credentials:
        now = self._clock.time_ns()
        return Credentials(
            api_key=new_temporary_key(),
            key_type="temporary",
            installation_id=self._made_installation_id(),
            created_at=to_the_second(now),
            expires_at=to_the_second(now + _TRIAL),
            first_seen_at=None,
        )

    def _installation_id(self) -> str:
        try:
            kept = self.load()
        except CredentialError as error:
            _log.warning("the key of %s is used, but: %s", _VARIABLE, error)
            kept = None
        return kept.installation_id if kept else self._made_installation_id()

    def _made_installation_id(self) -> str:
        """Return an id that stays the same also where no credentials are kept."""
        return f"inst_{installation_id(self.path.parent).replace('-', '')[:16]}"

    def _now(self) -> str:
        return to_the_second(self._clock.time_ns())


def _default_path() -> Path:
    try:
        return Path.home() / ".raxe" / "credentials.json"
    except RuntimeError:
        raise CredentialError(
            "you have no home directory to keep a key in; pass credential_path"
        ) from None
