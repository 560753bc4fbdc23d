"""Where RAXE is, and which addresses a key may be sent to."""

from __future__ import annotations

from urllib.parse import urlsplit

from telemetry_core import ConfigError

API = "https://api.raxe.ai"
CONSOLE = "https://console.raxe.ai"

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class AddressError(ConfigError, ValueError):
    """An address cannot be used; the text never holds it, for it may hold a password."""


def trusted(url: str) -> str:
    """Return an address that a key may be sent to: https, or http to this machine.

    Raises `AddressError`.
    """
    text = url.strip().rstrip("/")
    if not text.isprintable() or not text.isascii() or " " in text:
        raise AddressError("the address holds blanks or characters that no URL has; write it anew")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise AddressError("the address cannot be read; write it as https://host/path") from None
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    if scheme not in {"http", "https"} or not host:
        raise AddressError("the address has to begin with https:// and a host")
    if "@" in parts.netloc or "\\" in parts.netloc:
        raise AddressError("the address holds a user or a password, which RAXE wants none of")
    if parts.query or parts.fragment:
        raise AddressError("the address holds a query or a fragment; end it before the ? or #")
    if scheme == "http" and host not in _LOOPBACK:
        raise AddressError(
            "a key is sent over https only, or to this machine (localhost, 127.0.0.1, [::1]);"
            " write the address with https://"
        )
    return text
