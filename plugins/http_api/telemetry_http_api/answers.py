"""What an answer to a question means: its value, or the error that says what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from httpx import TransportError

from telemetry_http_api.errors import APIError, APIUnavailableError, APIValidationError
from telemetry_http_api.words import detail, succeeded

if TYPE_CHECKING:
    from telemetry_core.sending import Answer
    from telemetry_http_api.calling import Channel

PASSING = frozenset({429, 502, 503, 504})  # the same request may succeed later
_WRONG = frozenset({400, 404, 409, 413, 422})
_LOCKED = frozenset({401, 403})


def ask(
    channel: Channel, method: str, path: str, content: bytes | None = None, *, within: float
) -> Answer:
    """Make a request and return the answer, whatever its status.

    Raises `APIUnavailableError` when there is none in so many seconds.
    """
    deadline = channel.clock.monotonic() + within
    try:
        return channel.call(method, path, content, deadline=deadline)
    except TransportError as error:
        raise APIUnavailableError(
            f"{channel.root} does not answer ({type(error).__name__}: {error}); is it running, and"
            " is the URL right?"
        ) from error


def value_of(answer: Answer, what: str) -> Any:
    """Return what an answer holds; raises the `APIError` that its status stands for.

    :param what: what was asked, as in "the run r-1".
    """
    if succeeded(answer):
        return _read(answer, what)
    said = f"{what}: {detail(answer) or f'status {answer.status}'}"
    if answer.status in _WRONG:
        raise APIValidationError(said)
    if answer.status in PASSING:
        raise APIUnavailableError(f"{said}; try again later")
    if answer.status in _LOCKED:
        raise APIError(f"{said}; check the token (TELEMETRY_API_AUTH_TOKEN)")
    if answer.status // 100 == 3:  # noqa: PLR2004
        raise APIError(f"{said}; it redirects, which is not followed: correct the URL")
    raise APIError(f"{said}; see the log of the service")


def _read(answer: Answer, what: str) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise APIError(f"{what}: the answer is no JSON; check the URL") from None
