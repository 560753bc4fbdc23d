"""Carries requests over `http.client`, at half of what the transport of httpx costs."""

from __future__ import annotations

import os
import select
import ssl
import threading
from collections import deque
from contextlib import contextmanager, suppress
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import getproxies

import httpcore
import httpx

from telemetry_core.clock import SystemClock
from telemetry_core.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType


def trust(store: str | os.PathLike[str] | None, *, trust_env: bool) -> ssl.SSLContext:
    """Return what trusts the authorities in a PEM file, or the usual ones."""
    if store is not None:
        return ssl.create_default_context(cafile=store)
    return _usual_trust(ssl.get_default_verify_paths(), trust_env=trust_env)


@lru_cache(maxsize=2)
def _usual_trust(_named: ssl.DefaultVerifyPaths, *, trust_env: bool) -> ssl.SSLContext:
    """Return what trusts the usual authorities; to read them costs more than many requests."""
    return httpx.create_ssl_context(trust_env=trust_env)


def carrier(verify: ssl.SSLContext, limits: httpx.Limits, *, proxies: bool) -> Carrier | None:
    """Return what carries requests; nothing where a proxy may be meant, which httpx knows about."""
    return None if proxies and getproxies() else Carrier(verify, limits)


class _NoCookies(httpx.Cookies):
    """Cookies of nobody: to look for them in an answer is a tenth of what a request costs."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave them where they are."""


_NO_COOKIES = _NoCookies()


class Client(httpx.Client):
    """A client that keeps no cookies."""

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies that are sent: none."""
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, _: object) -> None:
        raise AttributeError("a client of ours has no cookies")


class _Idle(NamedTuple):
    """A connection that waits for its next request, until it is too old for one."""

    origin: bytes
    connection: HTTPConnection
    until: float


class Carrier(httpx.HTTPTransport):
    """A transport for clients that post and read one answer after another.

    Where somebody listens in on httpx, a test's mock or an instrumentation, that is what carries.

    :param verify: what a server's certificate is checked by.
    :param limits: how many connections are in use at most, and for how long an idle one is kept.
    """

    def __init__(self, verify: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=verify, limits=limits)
        self._verify = verify
        verify.set_alpn_protocols(["http/1.1"])
        self._idle: deque[_Idle] = deque()
        self._closed = False
        self._most = limits.max_connections or 1
        self._begin()
        self._longest_idle = limits.keepalive_expiry or float("inf")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, whose body is read as it comes."""
        if not (_is_as_written(httpx.HTTPTransport) and _is_as_written(httpcore.ConnectionPool)):
            return super().handle_request(request)
        if self._process != os.getpid():  # what a forked child finds here its parent talks through
            self._hang_up()
            self._begin()
        if not self._free.acquire(timeout=request.extensions.get("timeout", {}).get("pool")):
            raise httpx.PoolTimeout(f"all {self._most} connections are in use")
        origin = request.url.raw_scheme + b"://" + request.url.netloc
        connection: HTTPConnection | None = None
        try:
            connection = self._idle_to(origin) or self._new(request.url)
            answer = _asked(connection, request)
        except BaseException:
            self.end(connection)
            raise
        return httpx.Response(
            answer.status,
            headers=[
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in answer.getheaders()
            ],
            stream=_Body(self, origin, connection, answer),
            extensions={"http_version": b"HTTP/1.1"},
        )

    def take_back(self, origin: bytes, connection: HTTPConnection) -> None:
        """Keep a connection for the next request to the same server."""
        until = SystemClock.monotonic() + self._longest_idle
        self._idle.append(_Idle(origin, connection, until))
        self._hang_up(0 if self._closed else self._most)
        self._free.release()

    def end(self, connection: HTTPConnection | None) -> None:
        """Close a connection that cannot serve again, and let another one be opened."""
        if connection is not None:
            connection.close()
        self._free.release()

    def close(self) -> None:
        """Close the connections that are kept, and those in use once they are given back."""
        self._closed = True
        self._hang_up()
        super().close()

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._closed = True
        self._hang_up()
        super().__exit__(exc_type, exc, traceback)

    def _begin(self) -> None:
        """Begin in this process with every connection free."""
        self._process = os.getpid()
        self._free = threading.Semaphore(self._most)

    def _hang_up(self, but: int = 0) -> None:
        """Close what is kept, but for the latest ones."""
        while len(self._idle) > but:
            with suppress(IndexError):  # another thread was quicker
                self._idle.popleft().connection.close()

    def _idle_to(self, origin: bytes) -> HTTPConnection | None:
        for _ in range(len(self._idle)):
            try:
                idle = self._idle.popleft()
            except IndexError:  # another thread was quicker
                return None
            if idle.origin != origin:
                self._idle.append(idle)
            elif SystemClock.monotonic() < idle.until and _is_quiet(idle.connection):
                return idle.connection
            else:
                idle.connection.close()
        return None

    def _new(self, url: httpx.URL) -> HTTPConnection:
        host = url.raw_host.decode("ascii")
        connection = (
            HTTPSConnection(host, url.port or 443, context=self._verify)
            if url.scheme == "https"
            else HTTPConnection(host, url.port or 80)
        )
        connection.response_class = Answer
        return connection


class _Body(httpx.SyncByteStream):
    """The body of an answer; its connection serves again once all of it was read."""

    def __init__(
        self, carrier: Carrier, origin: bytes, connection: HTTPConnection, answer: Answer
    ) -> None:
        self._carrier = carrier
        self._origin = origin
        self._connection = connection
        self._answer = answer
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        with _in_words_of_httpx(httpx.ReadTimeout, httpx.ReadError):
            while chunk := self._answer.read_on():
                yield chunk
        if self._answer.length:
            raise httpx.RemoteProtocolError("the answer ended before its end")
        self._whole = True

    def close(self) -> None:
        """Give the connection back, or close it where something of the answer is left in it."""
        self._answer.close()
        if self._whole and not self._answer.will_close and not self._answer.reader.left:
            self._carrier.take_back(self._origin, self._connection)
        else:
            self._carrier.end(self._connection)


def _asked(connection: HTTPConnection, request: httpx.Request) -> Answer:
    """Send the request and return the answer up to its body."""
    patience: dict[str, float | None] = request.extensions.get("timeout", {})
    body = request.read()
    if connection.sock is None:
        connection.timeout = patience.get("connect")
        with _in_words_of_httpx(httpx.ConnectTimeout, httpx.ConnectError):
            connection.connect()
    unsent: httpx.WriteError | None = None
    try:
        with _in_words_of_httpx(httpx.WriteTimeout, httpx.WriteError):
            connection.sock.settimeout(patience.get("write"))
            _send(connection, request, body)
    except httpx.WriteError as error:
        unsent = error  # a server that refuses what is sent to it may say so, and listen no more
    try:
        with _in_words_of_httpx(httpx.ReadTimeout, httpx.ReadError):
            connection.sock.settimeout(patience.get("read"))
            answer: Answer = connection.getresponse()  # type: ignore[assignment]
    except httpx.TransportError:
        if unsent is not None:
            raise unsent from None
        raise
    answer.will_close |= unsent is not None
    return answer


def _send(connection: HTTPConnection, request: httpx.Request, body: bytes) -> None:
    target = request.extensions.get("target", request.url.raw_path).decode("ascii")
    connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.raw:
        connection.putheader(name, value)
    connection.endheaders(body, encode_chunked="transfer-encoding" in request.headers)


@contextmanager
def _in_words_of_httpx(
    timed_out: type[httpx.TimeoutException], failed: type[httpx.TransportError]
) -> Iterator[None]:
    """Raise what httpx would for what the standard library raises."""
    try:
        yield
    except TimeoutError as error:
        raise timed_out(str(error)) from error
    except HTTPException as error:
        raise httpx.RemoteProtocolError(str(error) or repr(error)) from error
    except OSError as error:
        raise failed(str(error)) from error
    except ValueError as error:
        raise httpx.LocalProtocolError(str(error)) from error


def _is_quiet(connection: HTTPConnection) -> bool:
    """Whether nothing is to be read from an idle connection, not even that it ended."""
    if not hasattr(select, "poll"):  # Windows, where a descriptor may have any number
        return not select.select([connection.sock], [], [], 0)[0]
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _is_as_written(cls: Any) -> bool:
    """Whether a class of httpx or httpcore carries requests by a method of its own module."""
    return getattr(cls.handle_request, "__globals__", None) is cls.__init__.__globals__
