"""How a sink talks HTTP: the shape of the client, the deadline, and what an answer means.

Needs the extra `telemetry-core[http]`; httpx is imported only where it is used.
"""

from __future__ import annotations

import math
import sys
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import define

from telemetry_core.errors import described
from telemetry_core.records import Receipt, Rejection

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import httpx

    from telemetry_core.clock import Clock
    from telemetry_core.records import Batch

__all__ = [
    "Answer",
    "http_client",
    "is_loopback",
    "post",
    "receipt_for",
    "receipt_for_error",
    "request",
    "retry_after",
    "timeout_for",
    "user_agent",
]

LONGEST_CONNECT = 10.0
LONGEST_CALL = 30.0  # of a batch that states no deadline
SHORTEST_WAIT = 0.001  # zero would be an error, or no limit at all
LONGEST_RETRY_AFTER = 3600.0
LARGEST_ANSWER = 1024 * 1024

_WAIT = frozenset({408, 421, 423, 425, 429})
_PAUSE = {
    401: "the credentials are not accepted; check the key or token",
    402: "the account does not allow it; check its plan and billing",
    403: "the credentials do not allow it; check the key or token",
    404: "nothing answers at this address; check the URL",
    405: "this address takes nothing; check the URL",
    407: "the proxy wants credentials; check its settings",
    410: "this address was given up; check the URL",
}


@define(frozen=True)
class Answer:
    """What a server answered, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def http_client(
    *,
    name: str = "telemetry-core",
    headers: Mapping[str, str] | None = None,
    trust_store: str | os.PathLike[str] | None = None,
    proxies: bool = True,
    connections: int = 2,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return a client as every sink of ours uses it; the sink closes it.

    Redirects are not followed: a credential goes to the host it was meant for, or nowhere.
    Cookies are not kept: nobody asked for them to be sent.

    :param name: the distribution that sends, for the user agent.
    :param trust_store: a PEM file with the certificates to trust instead of the usual ones.
    :param proxies: whether `HTTPS_PROXY`, `NO_PROXY` and their like are obeyed.
    :param connections: the most connections that are open at a time.
    :param transport: what carries the requests instead of the network.
    """
    import httpx

    from telemetry_core.carrying import Client, carrier, trust

    verify = trust(trust_store, trust_env=proxies)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    ours = {"User-Agent": user_agent(name), "Accept-Encoding": "identity"}
    return Client(
        headers={**ours, **(headers or {})},
        verify=verify,
        trust_env=proxies,
        follow_redirects=False,
        timeout=httpx.Timeout(LONGEST_CALL, connect=LONGEST_CONNECT),
        limits=limits,
        transport=transport or carrier(verify, limits, proxies=proxies),
    )


def is_loopback(url: str) -> bool:
    """Tell whether a URL is on this machine, whatever its names resolve to: no proxy is asked."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def user_agent(name: str) -> str:
    """Return `<distribution>/<version> Python/<version>`."""
    try:
        ours = f"{name}/{version(name)}"
    except PackageNotFoundError:
        ours = name
    return f"{ours} Python/{sys.version_info.major}.{sys.version_info.minor}"


def timeout_for(batch: Batch, clock: Clock) -> httpx.Timeout:
    """Return time-outs for the next socket waits that end with the batch's deadline."""
    import httpx

    left = min(max(batch.deadline - clock.monotonic(), SHORTEST_WAIT), LONGEST_CALL)
    return httpx.Timeout(left, connect=min(left, LONGEST_CONNECT))


def post(
    client: httpx.Client,
    url: str,
    content: bytes,
    *,
    batch: Batch,
    clock: Clock,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Post a body and read the whole answer, as `request` does."""
    return request(client, "POST", url, content, batch=batch, clock=clock, headers=headers)


def request(
    client: httpx.Client,
    method: str,
    url: str,
    content: bytes | None = None,
    *,
    batch: Batch,
    clock: Clock,
    headers: Mapping[str, str] | None = None,
    largest: int = LARGEST_ANSWER,
    secret_query: str = "",
) -> Answer:
    """Make a request and read the whole answer, both before the batch's deadline.

    Raises `httpx.TransportError` when the network or the deadline gets in the way, which
    `receipt_for_error` turns into a receipt; so does an answer of more than the `largest` number of bytes.

    :param secret_query: goes behind the URL on the wire, where httpx writes URLs into its log.
    """
    import httpx

    timeout = timeout_for(batch, clock)
    body = bytearray()
    to = _parsed(url)
    hidden = {"target": _target_with(to, secret_query)} if secret_query else None
    with client.stream(
        method, to, content=content, headers=headers, timeout=timeout, extensions=hidden
    ) as response:
        for chunk in response.iter_raw():
            body += chunk
            if clock.monotonic() >= batch.deadline:
                raise httpx.ReadTimeout("the answer came too slowly", request=response.request)
            if len(body) > largest:
                raise httpx.ReadError("the answer is too large", request=response.request)
        return Answer(response.status_code, response.headers, bytes(body))


def _target_with(url: httpx.URL, query: str) -> bytes:
    return url.raw_path + (b"&" if url.query else b"?") + query.encode("ascii")


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx.URL:
    """Return what httpx makes of a URL, which it would do anew for each request."""
    import httpx

    return httpx.URL(url)


def receipt_for(
    status: int, headers: Mapping[str, str], batch: Batch, clock: Clock, words: str = ""
) -> Receipt:
    """Return what an HTTP answer means for a batch: the one table of statuses.

    | status | receipt |
    |---|---|
    | 2xx | all delivered |
    | 3xx, 401 to 405, 407, 410 | a pause: credentials or address have to be mended |
    | 408, 421, 423, 425, 429, 5xx | wait, as long as `Retry-After` says |
    | 400, 413, 422 and any other 4xx | refused: halved, or rejected when it stands alone |

    :param words: what the server said, for the reason; never a secret.
    """
    code = f"http_{status}"
    reason = words or _phrase(status)
    if status in _PAUSE:
        return Receipt.pause(code, f"{reason}: {_PAUSE[status]}")
    match status // 100:
        case 2:
            return Receipt.all(batch)
        case 3:
            return Receipt.pause(code, f"it redirects to {_target(headers)}; check the URL")
        case 4 if status not in _WAIT:
            return _refusal(code, reason, batch)
    return Receipt.wait(reason, code=code, retry_after=retry_after(headers, clock))


def receipt_for_error(error: httpx.TransportError) -> Receipt:
    """Return what a failure of the network means: nothing is known to have arrived, so wait."""
    return Receipt.wait(described(error), code="network")


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds that a `Retry-After` asks for, in either of its forms, at most an hour.

    A date is compared with the server's own `Date` where there is one: our clock may be wrong.
    """
    text = _header(headers, "retry-after").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until, now = _date(text), _date(_header(headers, "date"))
        if until is None:
            return None
        seconds = until - (now if now is not None else clock.time_ns() / 1e9)
    return None if math.isnan(seconds) else min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def _refusal(code: str, reason: str, batch: Batch) -> Receipt:
    if len(batch) != 1:
        return Receipt.refuse(code, reason)
    return Receipt.of((), {record.id: Rejection(code, reason) for record in batch})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def _target(headers: Mapping[str, str]) -> str:
    """Return where a redirect leads, without what may be a secret in its query."""
    location = _header(headers, "location").partition("?")[0]
    return location[:200] or "nowhere"


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")
