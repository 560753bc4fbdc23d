"""Where a service and its runs are, and which secret opens it, checked before anything is sent."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from telemetry_core import Secret
from telemetry_http_api.errors import AddressError

RUNS = "/api/v1/runs"
_ROUTES = (
    f"{RUNS}/batch",
    "/api/v1/records",
    RUNS,
    "/api/v1",
    "/health",
    "/metrics",
)
_PORTS = {"http": 80, "https": 443}


def service_root(url: str) -> str:
    """Return the root of the service that a URL names: one without a path, or the path before ours.

    Raises `AddressError`, which shows nothing of the URL: it may hold a password.
    """
    text = url.strip()
    if not text.isprintable() or " " in text:
        raise AddressError("the URL holds blanks or characters that cannot be seen; write it anew")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressError("the URL cannot be read; write it as https://host:port") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        raise AddressError("the URL has to begin with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise AddressError(
            "the URL holds a user or a password, and URLs are shown in logs; take it out, and give"
            " the service's token as `token` or TELEMETRY_API_AUTH_TOKEN"
        )
    if parts.query or parts.fragment:
        raise AddressError("the URL holds a query or a fragment; end it before the ? or #")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown_port = "" if port in {None, _PORTS[scheme]} else f":{port}"
    return f"{scheme}://{host}{shown_port}{_without_route(parts.path)}"


def run_path(id: str) -> str:
    """Return the path of one run."""
    return f"{RUNS}/{quote(id, safe='')}"


def bearer(token: str | Secret) -> Secret:
    """Return a token as a secret; raises `AddressError` for one that no header can hold."""
    secret = Secret.of(token)
    text = secret.reveal()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise AddressError("the token holds a character that no header can; copy it anew")
    return secret


def _without_route(path: str) -> str:
    path = path.rstrip("/")
    route = next((route for route in _ROUTES if path.endswith(route)), "")
    return path.removesuffix(route).rstrip("/")
