"""What a web app's answer means: whether the rows are there, and in words why not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from telemetry_core.sending import is_loopback
from telemetry_sheets.address import RUN_SERVICE
from telemetry_sheets.words import shortened

if TYPE_CHECKING:
    from telemetry_core.sending import Answer

_OK, _CREATED, _FOUND = 200, 201, 302
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _POSTS_ONLY = 401, 403, 404, 405
_SCRIPT, _RESULTS, _SIGN_IN = (
    "script.google.com",
    "script.googleusercontent.com",
    "accounts.google.com",
)


def is_taken(url: str, answer: Answer) -> bool:
    """Tell whether a web app took what it was posted.

    An Apps Script answers with a redirect to its result once it has run; one that leads to a
    sign-in has not.
    """
    if answer.status in {_OK, _CREATED}:
        return said(answer).get("ok") is not False
    return answer.status == _FOUND and _target(url, answer) in _own_hosts(url)


def is_confirmed(url: str, answer: Answer) -> bool:
    """Tell whether a web app took several rows: a success has to say so."""
    if is_success(answer):
        return said(answer).get("ok") is True
    return is_taken(url, answer)


def is_there(url: str, answer: Answer) -> bool:
    """Tell whether a web app answered a question that posts nothing."""
    return is_taken(url, answer) or answer.status == _POSTS_ONLY


def is_success(answer: Answer) -> bool:
    """Tell whether a status is that of a success, whatever its body says."""
    return answer.status // 100 == 2  # noqa: PLR2004


def explained(url: str, answer: Answer) -> str:
    """Say what to do about an answer that is no success; empty where its status says it all."""
    if "x-telemetry-service" in answer.headers:
        return RUN_SERVICE
    if answer.status == _FOUND and _target(url, answer) == _SIGN_IN:
        return "the web app asks for a Google sign-in; deploy it again with access for Anyone"
    if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
        return "the web app does not accept the token; check api_token and the script's own"
    if answer.status == _NOT_FOUND:
        hint = f"; if a run service answers there: {RUN_SERVICE}" if is_loopback(url) else ""
        return f"there is no web app at this URL; copy the one of its deployment{hint}"
    if is_success(answer):
        why = said(answer).get("error")
        return f"the web app says that it failed: {shortened(why or answer.body.decode(errors='replace'))}"
    return shortened(said(answer).get("error") or "")


def said(answer: Answer) -> dict[str, object]:
    """Return the JSON object of an answer; an empty one where it is none."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _target(url: str, answer: Answer) -> str:
    """Return the host that a redirect leads to."""
    try:
        return urlsplit(urljoin(url, answer.headers.get("location", ""))).hostname or ""
    except ValueError:
        return ""


def _own_hosts(url: str) -> set[str]:
    host = urlsplit(url).hostname or ""
    return {host, _RESULTS} if host == _SCRIPT else {host}
