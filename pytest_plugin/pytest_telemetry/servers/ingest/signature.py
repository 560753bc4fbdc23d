"""How a request is signed, and what its parts may look like."""

from __future__ import annotations

import hmac
import re

_NONCE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_LARGEST = 2**63


def signature_of(secret: str, body: bytes, *signed: str) -> str:
    """Return the signature over the texts before a body, which are its timestamp and its nonce."""
    text = b"".join(f"{one}:".encode() for one in signed)
    return hmac.new(secret.encode(), text + body, "sha256").hexdigest()


def is_same(given: str, wanted: str) -> bool:
    """Tell whether two signatures are the same, in a time that does not tell how far they are."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def is_nonce(text: str) -> bool:
    """Tell whether a text is a UUID with its hyphens."""
    return _NONCE.fullmatch(text) is not None


def seconds_in(timestamp: str) -> int | None:
    """Return the seconds since 1970 that a timestamp says; nothing when it is no such number."""
    if not _WHOLE.fullmatch(timestamp):
        return None
    seconds = int(timestamp)
    return seconds if -_LARGEST <= seconds < _LARGEST else None
