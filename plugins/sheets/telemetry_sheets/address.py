"""Which address and which id may be meant, and what else was mistaken for one."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from telemetry_core import Secret
from telemetry_core.sending import is_loopback
from telemetry_sheets.errors import AddressError

RUN_SERVICE = (
    "this is the address of a run service, which takes runs for its database and no rows for a"
    " sheet: give the address of your web app as api_url or GOOGLE_SHEETS_API_URL, and that of the"
    " service as TELEMETRY_API_URL"
)
_SERVICE_PORT = 8765
_SERVICE_ROUTES = ("/api/v1/", "/health/", "/metrics/")
_BROWSER = "docs.google.com"
_SCHEMES = ("http", "https")
_ID = re.compile(r"[\w-]{10,}", re.ASCII)
_ID_IN_URL = re.compile(r"/spreadsheets/d/([\w-]+)", re.ASCII)


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


def id_of_spreadsheet(text: str) -> str:
    """Return the id of a spreadsheet, also out of its address in a browser."""
    found = _ID_IN_URL.search(text)
    named = found[1] if found else text.strip()
    if not _ID.fullmatch(named):
        raise AddressError(
            "this is no id of a spreadsheet; it is the long part of its address, between /d/ and"
            " /edit"
        )
    return named


def is_run_service(url: str) -> bool:
    """Tell whether a URL is that of a run service: by its routes, or its usual port here."""
    parts = urlsplit(url)
    routes = f"{parts.path.rstrip('/')}/".startswith(_SERVICE_ROUTES)
    return routes or (is_loopback(url) and parts.port == _SERVICE_PORT)


def token(text: str | Secret) -> Secret:
    """Return a token as a secret; raises `AddressError` for one that no header can hold."""
    secret = Secret.of(text)
    shown = secret.reveal()
    if not shown.isascii() or not shown.isprintable() or " " in shown:
        raise AddressError("the token holds a character that no header can; copy it anew")
    return secret


def secret(text: str | Secret) -> Secret:
    """Return a text as a secret, and a secret as it is."""
    return Secret.of(text)


def without_query(url: str) -> str:
    """Return what of a URL may be shown: not its query, where a token may stand."""
    return url.partition("?")[0].partition("#")[0]
