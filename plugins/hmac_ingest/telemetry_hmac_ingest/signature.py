"""Signs requests and verifies them: HMAC-SHA256 over the timestamp, the nonce and the body as sent."""

from __future__ import annotations

import hmac
import re

# Nothing that the texts may hold is a colon, so that no other split of the same signed bytes passes.
_NONCE = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_SECONDS = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63


def sign(secret: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Return the signature of a request, 64 lower-case hexadecimal digits.

    :param secret: used as it is written, whatever it looks like: never decoded, never trimmed.
    :param body: the bytes that are sent, packed where they are sent packed.
    """
    return _signature(secret, f"{timestamp}:{nonce}:", body)


def sign_legacy(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature that servers of the later kind want, which knows no nonce.

    What it signs can be sent again by anybody who saw it, within the tolerance of the clock.
    """
    return _signature(secret, f"{timestamp}:", body)


def verify(signature: str, secret: str, timestamp: str, nonce: str, body: bytes) -> bool:
    """Tell whether a request is one that the owner of a secret made: its syntax first."""
    if not is_nonce(nonce) or seconds_of(timestamp) is None:
        return False
    return is_signed(signature, secret, timestamp, nonce, body)


def is_signed(signature: str, secret: str, timestamp: str, nonce: str, body: bytes) -> bool:
    """Compare a signature in constant time. Of the texts it says nothing: see `verify`."""
    return _same(signature, sign(secret, timestamp, nonce, body))


def is_signed_legacy(signature: str, secret: str, timestamp: str, body: bytes) -> bool:
    """Compare the signature of a request without a nonce, in constant time."""
    return _same(signature, sign_legacy(secret, timestamp, body))


def is_nonce(text: str) -> bool:
    """Tell whether a text is a UUID with its hyphens."""
    return _NONCE.fullmatch(text) is not None


def seconds_of(timestamp: str) -> int | None:
    """Return the seconds since 1970 that a text of digits says, nothing for any other text."""
    if _SECONDS.fullmatch(timestamp) is None:
        return None
    seconds = int(timestamp)
    return seconds if -_LARGEST <= seconds < _LARGEST else None


def _signature(secret: str, head: str, body: bytes) -> str:
    mac = hmac.new(_bytes(secret), _bytes(head), "sha256")
    mac.update(body)
    return mac.hexdigest()


def _same(given: str, ours: str) -> bool:
    return hmac.compare_digest(_bytes(given), _bytes(ours))


def _bytes(text: str) -> bytes:
    """Encode what may have come in a header: half surrogates are no reason to raise."""
    return text.encode("utf-8", "backslashreplace")
