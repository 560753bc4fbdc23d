"""What an answer to the question for a key's health means: its content, or the error it stands for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from telemetry_raxe.addresses import AddressError, keys_page, trusted
from telemetry_raxe.health_response import (
    AuthenticationError,
    HealthCheckError,
    HealthResponse,
    ServerError,
)
from telemetry_raxe.keys import masked

if TYPE_CHECKING:
    from telemetry_core.sending import Answer

_OK, _BROKEN = 200, 500
_REDIRECTS = 3
_LONGEST_WORDS = 300


def response_in(answer: Answer, api_key: str) -> HealthResponse:
    """Return what an answer says; raises the `HealthCheckError` that it stands for."""
    if answer.status == _OK:
        return HealthResponse.from_api_response(_read(answer))
    said = _object(answer)
    words = _words(said.get("message"), api_key)
    match answer.status:
        case 401:
            raise AuthenticationError(words or "Invalid or expired API key")
        case 403:
            page = _page(said.get("console_url"))
            raise AuthenticationError(
                f"{words or 'API key expired or revoked'}\nGet a new key at: {page}"
            )
        case status if status >= _BROKEN:
            raise ServerError(f"Server error (HTTP {status}); try again later")
        case status if status // 100 == _REDIRECTS:
            words = "it redirects, which is not followed: correct the address"
    more = f": {words}" if words else "; check the address"
    raise HealthCheckError(f"Unexpected response (HTTP {answer.status}){more}")


def _read(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        what = "empty" if not answer.body.strip() else "no JSON"
        raise HealthCheckError(f"the answer is {what}; check the address") from None


def _object(answer: Answer) -> dict[str, Any]:
    try:
        said = _read(answer)
    except HealthCheckError:
        return {}
    return said if isinstance(said, dict) else {}


def _words(said: object, api_key: str) -> str:
    """Return what the service says, on one line and without the key."""
    text = said if isinstance(said, str) else ""
    line = " ".join(text.replace(api_key, masked(api_key)).split())
    return "".join(char for char in line if char.isprintable())[:_LONGEST_WORDS]


def _page(said: object) -> str:
    """Return the page that the service names for a new key, when people can be sent there."""
    try:
        return trusted(said) if isinstance(said, str) else keys_page()
    except AddressError:
        return keys_page()
