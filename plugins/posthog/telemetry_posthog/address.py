"""Where events go, and the project key they go with, both checked before anything is sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from telemetry_core import ConfigError, Secret

BATCH, CAPTURE = "/batch/", "/capture/"
ENDPOINTS = (BATCH, CAPTURE)  # many events a request, or a request for each
US_HOST, EU_HOST = "https://us.i.posthog.com", "https://eu.i.posthog.com"
NO_KEY = (
    "posthog has no project key: set api_key in [plugins.posthog] or POSTHOG_API_KEY (phc_…, from"
    " the project settings of PostHog); nothing is sent without"
)

_INGESTION_OF = {  # what stands in a browser's address line, and what takes events there
    "app.posthog.com": US_HOST,
    "us.posthog.com": US_HOST,
    "eu.posthog.com": EU_HOST,
}
_SCHEMES = ("http", "https")
_LONGEST_KEY = 64
_PERSONAL = "phx_"  # how keys begin that open an account instead of taking events


class AddressError(ConfigError, ValueError):
    """A host or a key cannot be used; the text never holds either."""


def ingestion_host(host: str | None) -> str:
    """Return the root that takes the events of a host: PostHog's own for an empty one.

    Raises `AddressError`, which shows nothing of the host: it may hold a password.
    """
    text = (host or "").strip()
    if not text:
        return US_HOST
    if not text.isprintable() or " " in text:
        raise AddressError("the host holds blanks or characters that cannot be seen; write it anew")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise AddressError("the host cannot be read; write it as https://host") from None
    if parts.scheme.lower() not in _SCHEMES or not parts.hostname:
        raise AddressError("the host has to begin with http:// or https://")
    if "@" in parts.netloc:
        raise AddressError("the host holds a user or a password, which PostHog wants none of")
    if parts.query or parts.fragment:
        raise AddressError("the host holds a query or a fragment; end it before the ? or #")
    return _INGESTION_OF.get(parts.netloc.lower(), text.rstrip("/"))


def endpoint(path: str) -> str:
    """Return a path that events are posted to; raises `AddressError` for any other."""
    wanted = f"/{path.strip('/')}/"
    if wanted not in ENDPOINTS:
        raise AddressError(f"the endpoint is one of {' and '.join(ENDPOINTS)}")
    return wanted


def project_key(key: str | Secret) -> Secret:
    """Return a project's key as a secret; raises `AddressError` for what cannot be one."""
    text = Secret.of(key).reveal().strip()
    if text.startswith(_PERSONAL):
        raise AddressError(
            "api_key is a personal key, which opens the account; give the project's key (phc_…),"
            " from the project settings of PostHog"
        )
    if len(text) > _LONGEST_KEY or not text.isascii() or not text.isprintable() or " " in text:
        raise AddressError(
            "api_key is no project key of PostHog; copy it anew (phc_…) from the project settings"
        )
    return Secret(text)
