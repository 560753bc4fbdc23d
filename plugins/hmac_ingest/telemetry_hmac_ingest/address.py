"""Where events go and what they go with, all of it checked before anything is sent."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from telemetry_core import ConfigError, Secret

HEALTH, INGEST = "/health", "/v1/ingest"

_LONGEST = 255  # what servers keep of an id, of a token and of a name
_RELATIVE = frozenset({".", ".."})


class AddressError(ConfigError, ValueError):
    """An endpoint, an id or a credential cannot be used; the text never holds it."""


def server_root(endpoint: str) -> str:
    """Return the root of a server: of its whole ingestion URL what stands before /v1/ingest.

    Raises `AddressError`, which shows nothing of the endpoint: it may hold a password.
    """
    text = endpoint.strip().partition(INGEST)[0].rstrip("/")
    if not text.isprintable() or " " in text:
        raise AddressError("the endpoint holds blanks or characters that cannot be seen")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise AddressError("the endpoint cannot be read; write it as https://host:port") from None
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise AddressError("the endpoint has to begin with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise AddressError("the endpoint holds a user or a password; give token and secret instead")
    if parts.query or parts.fragment:
        raise AddressError("the endpoint holds a query or a fragment; end it before the ? or #")
    return text


def ingest_path(org_id: str, app_id: str) -> str:
    """Return the path that takes the events of one application."""
    return f"{INGEST}/{quote(org_id, safe='')}/{quote(app_id, safe='')}"


def identifier(text: str) -> str:
    """Return the id of an organisation or an application; raises `AddressError` for none."""
    name = text.strip()
    if not name or name in _RELATIVE or not name.isprintable() or len(name) > _LONGEST:
        raise AddressError("it has to be the id as the server's owner gave it to you")
    return name


def signing_secret(text: str | Secret) -> Secret:
    """Return what batches are signed with, as it is written; raises `AddressError` for nothing."""
    secret = Secret.of(text)
    if not secret:
        raise AddressError("the secret is empty; copy it anew, nothing is sent unsigned")
    return secret


def bearer(token: str | Secret) -> Secret:
    """Return a token as a secret; raises `AddressError` for one that no header can hold."""
    secret = Secret.of(token)
    text = secret.reveal()
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST:
        raise AddressError("the token holds a character that no header can; copy it anew (tk_…)")
    return secret
