"""Which address a web app may have, and which ones are another thing that was mistaken for it."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from telemetry_core import ConfigError, Secret

RUN_SERVICE = (
    "this is the address of a run service, which takes runs for its database and no rows for a"
    " sheet: give the address of your web app as api_url or GOOGLE_SHEETS_API_URL, and that of the"
    " service as TELEMETRY_API_URL"
)
_SERVICE_PORT = 8765
_SERVICE_ROUTES = ("/api/v1/", "/health/", "/metrics/")
_BROWSER = "docs.google.com"
_SCHEMES = ("http", "https")


class AddressError(ConfigError, ValueError):
    """An address or a token cannot be used; the text never holds either."""


def web_app_url(url: str) -> str:
    """Return the URL of a web app as given; raises `AddressError` for what cannot be one."""
    text = url.strip()
    if not text.isprintable() or " " in text:
        raise AddressError("the URL holds blanks or characters that cannot be seen; write it anew")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise AddressError("the URL cannot be read; write it as https://host/path") from None
    if parts.scheme.lower() not in _SCHEMES or not parts.hostname:
        raise AddressError("the URL has to begin with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise AddressError(
            "the URL holds a user or a password, and URLs are shown in logs; give the token as"
            " api_token or GOOGLE_SHEETS_API_TOKEN"
        )
    if parts.hostname == _BROWSER:
        raise AddressError(
            "this is what a browser shows of a spreadsheet: give it as spreadsheet_id, or deploy a"
            " web app and give the URL that ends in /exec"
        )
    if is_run_service(text):
        raise AddressError(RUN_SERVICE)
    return text


def is_run_service(url: str) -> bool:
    """Tell whether a URL is that of a run service: by its routes, or its usual port here."""
    parts = urlsplit(url)
    routes = f"{parts.path.rstrip('/')}/".startswith(_SERVICE_ROUTES)
    return routes or (is_loopback(url) and parts.port == _SERVICE_PORT)


def is_loopback(url: str) -> bool:
    """Tell whether a URL is on this machine, whatever its names resolve to."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def token(text: str | Secret) -> Secret:
    """Return a token as a secret; raises `AddressError` for one that no header can hold."""
    secret = Secret.of(text)
    shown = secret.reveal()
    if not shown.isascii() or not shown.isprintable() or " " in shown:
        raise AddressError("the token holds a character that no header can; copy it anew")
    return secret


def without_query(url: str) -> str:
    """Return what of a URL may be shown: not its query, where a token may stand."""
    return url.partition("?")[0].partition("#")[0]
