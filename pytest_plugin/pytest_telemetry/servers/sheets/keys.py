"""The keys of service accounts, and what they have signed.

The only module that needs `cryptography`, which whatever signs has brought along.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.sheets.answers import TokenRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_BITS = 2048
_PUBLIC_EXPONENT = 65537
_MISSING = (
    "a service account needs an RSA key, and cryptography makes it: `pip install cryptography` "
    "(google-auth brings it), or use `access_token()`, which needs no key"
)


def new_key() -> tuple[RSAPublicKey, str]:
    """Return the public half of a fresh key, and the private one as a PEM text."""
    try:
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
        )
    except ImportError:
        raise RuntimeError(_MISSING) from None
    key = rsa.generate_private_key(_PUBLIC_EXPONENT, _BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key.public_key(), pem.decode()


def is_signed(token: str, key: RSAPublicKey) -> bool:
    """Tell whether a JWT was signed with the private half of this key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    said, _, signature = token.rpartition(".")
    try:
        key.verify(_decoded(signature), said.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a JWT; raises the refusal of what is none."""
    try:
        header, claims, _ = (_decoded(part) for part in token.split("."))
        parts = json.loads(header), json.loads(claims)
    except (ValueError, RecursionError):
        raise TokenRefused("invalid_grant", "Bad Request") from None
    if not all(isinstance(part, dict) for part in parts):
        raise TokenRefused("invalid_grant", "Bad Request")
    return parts


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
