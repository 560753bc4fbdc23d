"""Where RAXE is, and which addresses a key may be sent to."""

from __future__ import annotations

from urllib.parse import urlsplit

from telemetry_core import ConfigError, Environment

API = "https://api.raxe.ai"
CONSOLE = "https://console.raxe.ai"
TELEMETRY_PATH, HEALTH_PATH = "/v1/telemetry", "/v1/health"

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULTS = frozenset({API, API + TELEMETRY_PATH, API + HEALTH_PATH})


class AddressError(ConfigError, ValueError):
    """An address cannot be used; the text never holds it, for it may hold a password."""


def telemetry_url(endpoint: str = API, environ: Environment | None = None) -> str:
    """Return where events are posted to; the default is wherever the variables say that RAXE is.

    Raises `AddressError`.
    """
    return _url(endpoint, TELEMETRY_PATH, "RAXE_TELEMETRY_ENDPOINT", environ)


def health_url(endpoint: str = API, environ: Environment | None = None) -> str:
    """Return what is asked for the standing of a key, from a root or from the address itself.

    Raises `AddressError`.
    """
    return _url(endpoint, HEALTH_PATH, "RAXE_HEALTH_ENDPOINT", environ)


def console_url(environ: Environment | None = None) -> str:
    """Return the root of the pages on which people manage their keys; raises `AddressError`."""
    return trusted((environ or Environment()).text("RAXE_CONSOLE_URL") or CONSOLE)


def keys_page(environ: Environment | None = None) -> str:
    """Return the page where one gets a key; RAXE's own where the variable is of no use."""
    try:
        return f"{console_url(environ)}/keys"
    except AddressError:
        return f"{CONSOLE}/keys"


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


def _url(endpoint: str, path: str, variable: str, environ: Environment | None) -> str:
    chosen = endpoint
    if endpoint.rstrip("/") in _DEFAULTS:
        variables = environ or Environment()
        chosen = variables.text(variable, "RAXE_API_BASE", "RAXE_CLOUD_ENDPOINT") or API
    root = trusted(chosen)
    if urlsplit(root).path.endswith(path):
        return root
    return root + path
