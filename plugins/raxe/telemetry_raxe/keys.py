"""Keys: what they look like, what they are called on the wire, how they are shown."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Literal

from telemetry_raxe.errors import CredentialError, InvalidKeyFormatError

KeyType = Literal["temporary", "live", "test", "nfr"]  # nfr: not for resale

_KEY = re.compile(r"raxe_(live|test|temp|nfr)_[A-Za-z0-9_\-]{32}")
_TYPES: dict[str, KeyType] = {"live": "live", "test": "test", "temp": "temporary", "nfr": "nfr"}
_TIERS = {"temporary": "temporary", "live": "community", "test": "test", "nfr": "nfr"}
_SHOWN = 12, 4


def validate_key_format(api_key: str) -> KeyType:
    """Return the type of a key; raises `InvalidKeyFormatError`, which shows nothing of it."""
    if not isinstance(api_key, str) or not api_key:
        raise InvalidKeyFormatError("there is no key; get one with: telemetry auth login")
    found = _KEY.fullmatch(api_key)
    if found is None:
        raise InvalidKeyFormatError(f"this is no key: {_what_is_wrong(api_key)}; copy it anew")
    return _TYPES[found[1]]


def permanent_type(api_key: str, wanted: str) -> KeyType:
    """Return the type of a key that does not expire and is of the type that somebody says.

    Raises `CredentialError` for any other key.
    """
    actual = validate_key_format(api_key)
    if actual == "temporary":
        raise CredentialError(
            "a temporary key replaces no other; get a permanent one with: telemetry auth login"
        )
    if actual != wanted:
        raise CredentialError(f"the key is a {actual} key and not a {wanted} one; say which it is")
    return actual


def first_tier(key_type: str) -> str:
    """Return the tier that a key has until the server has said another."""
    return _TIERS[key_type]


def key_id(api_key: str) -> str:
    """Return what stands for a key on the wire, from which nobody gets the key."""
    return f"key_{hashlib.sha256(api_key.encode()).hexdigest()[:12]}"


def new_temporary_key() -> str:
    """Return a temporary key, which the service takes at its first use."""
    return f"raxe_temp_{secrets.token_hex(16)}"


def masked(api_key: str) -> str:
    """Return what may be shown of a key: its beginning and its end."""
    first, last = _SHOWN
    if len(api_key) < 2 * (first + last):
        return "…"
    return f"{api_key[:first]}…{api_key[-last:]}"


def _what_is_wrong(text: str) -> str:
    if text != text.strip():
        return "it begins or ends with blanks or line ends"
    kind = re.match(r"raxe_([a-z]+)_", text)
    if kind is None:
        return "it does not begin with raxe_live_, raxe_test_, raxe_temp_ or raxe_nfr_"
    if kind[1] not in _TYPES:
        return "its kind is none of live, test, temp and nfr"
    length = len(text) - kind.end()
    if length != 32:  # noqa: PLR2004 - as in the pattern
        return f"it has {length} characters after its kind, and not 32"
    return "it holds characters that are no letters, digits, _ or -"
