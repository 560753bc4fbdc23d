"""Asks the service how a key stands: what it is, what it may do, how much of the day is left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from telemetry_core import Batch, SystemClock
from telemetry_raxe.addresses import API, AddressError, health_url
from telemetry_raxe.errors import InvalidKeyFormatError
from telemetry_raxe.health_answers import response_in
from telemetry_raxe.health_response import (
    AuthenticationError,
    HealthCheckError,
    HealthResponse,
    NetworkError,
    ServerError,
    TimeoutError,  # noqa: A004 - the name that the documents give it
    TrialStatus,
)
from telemetry_raxe.keys import validate_key_format

if TYPE_CHECKING:
    from telemetry_core import Clock
    from telemetry_core.sending import Answer

__all__ = [
    "AuthenticationError",
    "HealthCheckError",
    "HealthResponse",
    "NetworkError",
    "ServerError",
    "TimeoutError",
    "TrialStatus",
    "check_health",
    "check_health_async",
]

_NAME = "telemetry-raxe"


def check_health(
    api_key: str,
    *,
    endpoint: str = API,
    timeout: float = 10.0,
    clock: Clock | None = None,
) -> HealthResponse:
    """Ask once, and return what the service says of a key.

    Redirects are not followed, and nothing is sent that is no key.

    :param endpoint: the service; the default is wherever RAXE_HEALTH_ENDPOINT or RAXE_API_BASE say
        that it is.
    :param timeout: the seconds for all of it.

    Raises `AuthenticationError`, `NetworkError`, `ServerError` or `TimeoutError`, and
    `HealthCheckError`, the base of them, for an answer that no such service gives.
    """
    try:
        validate_key_format(api_key)
        url = health_url(endpoint)
    except InvalidKeyFormatError as error:
        raise AuthenticationError(str(error)) from None
    except AddressError as error:
        raise NetworkError(str(error)) from None
    return response_in(_asked(url, api_key, timeout, clock or SystemClock()), api_key)


async def check_health_async(
    api_key: str,
    *,
    endpoint: str = API,
    timeout: float = 10.0,  # noqa: ASYNC109 - the document's signature
) -> HealthResponse:
    """Do the same while the event loop goes on."""
    return await asyncio.to_thread(check_health, api_key, endpoint=endpoint, timeout=timeout)


def _asked(url: str, api_key: str, timeout: float, clock: Clock) -> Answer:
    from httpx import HTTPError, InvalidURL, TimeoutException

    from telemetry_core.sending import http_client, is_loopback, request

    headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
    batch = Batch((), deadline=clock.monotonic() + timeout)
    try:
        with http_client(name=_NAME, proxies=not is_loopback(url), connections=1) as client:
            return request(client, "GET", url, batch=batch, clock=clock, headers=headers)
    except TimeoutException:
        raise TimeoutError(f"{url} did not answer within {timeout:g} s; try again later") from None
    except (HTTPError, InvalidURL, OSError, ValueError) as error:  # also of a proxy's address
        raise NetworkError(
            f"Could not reach server {url} ({type(error).__name__}: {error}); are you online, and"
            " is the address right?"
        ) from None
