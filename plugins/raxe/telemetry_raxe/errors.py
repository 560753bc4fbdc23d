"""What can be wrong with a key or with the file it is kept in, each error saying what to do."""

from __future__ import annotations

from telemetry_core import CredentialError as AnyCredentialError
from telemetry_raxe.addresses import keys_page
from telemetry_raxe.days import ago


class CredentialError(AnyCredentialError):
    """The credentials cannot be read, kept or changed; the text never holds a key."""


class CredentialExpiredError(CredentialError):
    """The key has expired.

    :ivar console_url: where one gets a new key.
    :ivar days_expired: the full days since it expired.
    """

    def __init__(
        self, message: str = "", *, console_url: str | None = None, days_expired: int = 0
    ) -> None:
        self.console_url = console_url or keys_page()
        self.days_expired = days_expired
        said = f"the key expired {ago(days_expired)}; get a new one at {self.console_url}, or with: telemetry auth login"
        super().__init__(message or said)


class InvalidKeyFormatError(CredentialError):
    """A text has not the form of a key."""
