"""Compares what a caller says with the tokens: in constant time, over all of them."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry_core import Secret

REQUIRED = "Authorization header required. Use: Authorization: Bearer <token>"
MALFORMED = "Invalid authorization format. Use: Authorization: Bearer <token>"
WRONG = "Invalid authentication token"
_WORDS = 2


class Tokens:
    """The tokens that are accepted, kept as digests of one length."""

    def __init__(self, tokens: Iterable[Secret]) -> None:
        self._digests = tuple(sha256(token.reveal().encode()).digest() for token in tokens)

    def complaint(self, header: bytes | None) -> str | None:
        """Return why an Authorization header is not accepted; nothing when it is."""
        if not header or not header.strip():
            return REQUIRED
        words = header.split()
        if len(words) != _WORDS or words[0].lower() != b"bearer":
            return MALFORMED
        return None if self._knows(words[1]) else WRONG

    def _knows(self, token: bytes) -> bool:
        given = sha256(token).digest()
        found = False
        for digest in self._digests:  # each one, so that the time says nothing of which
            found |= compare_digest(given, digest)
        return found
