"""What every fake server is: one function from request to response, with a memory and with faults."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_telemetry.servers import faults
from pytest_telemetry.servers.exchange import Exchange, UnansweredError
from pytest_telemetry.servers.messages import LARGEST_BODY, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_telemetry.servers.loopback import Loopback
    from pytest_telemetry.servers.messages import Request, Response
    from telemetry_core import Clock

_SHOWN = 10
_T = TypeVar("_T")
_Fault = TypeVar("_Fault", bound=faults.Fault)


class FakeServer(ABC):
    """Answers as the real server does, remembers what it got, and misbehaves on request.

    A protocol is a subclass with `handle`, which is called for one request at a time, and with
    `records` where a request carries several things.

    :ivar requests: every request that arrived, whatever became of it.
    :ivar is_down: nobody can connect.
    :ivar habits: faults that a protocol's server always has; `clear` leaves them.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.requests: list[Request] = []
        self.is_down = False
        self.habits: Sequence[faults.Fault] = ()
        self._clock = clock
        self._faults: list[faults.Fault] = []
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._outcomes: list[str] = []
        self._broken: list[Exception] = []
        self._url: str | None = None
        self._loopback: Loopback | None = None

    # -- the protocol

    @abstractmethod
    def handle(self, request: Request) -> Response:
        """Return the answer and keep what was accepted; raises `Refusal` for what is not."""

    def records(self, request: Request) -> Iterable[Any]:
        """Return what `reject` looks at; raises `Refusal` when it cannot be read."""
        return [request]

    def fault_answer(self, refusal: Refusal, request: Request) -> Response:  # noqa: ARG002
        """Return in the protocol's words what faults answer, and what any server refuses."""
        return refusal.response

    # -- where it is

    @property
    def url(self) -> str:
        """Return its address; raises `RuntimeError` while it has none."""
        if self._url is None:
            raise RuntimeError("it is not being served; use `with server.serving():`")
        return self._url

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        """Serve it on a port of 127.0.0.1, any free one by default; give its address."""
        from pytest_telemetry.servers.loopback import Loopback

        self._loopback = Loopback(self.respond, self._tell, port)
        try:
            if not self.is_down:
                self._loopback.open()
            with self._at(f"http://127.0.0.1:{self._loopback.port}") as url:
                yield url
        finally:
            self._loopback.close()
            self._loopback = None
        self._complain()

    @contextmanager
    def mounted(self, url: str = "http://telemetry.test") -> Iterator[str]:
        """Answer in process what httpx sends to this address; what it sends elsewhere fails."""
        from pytest_telemetry.servers.in_process import mount

        with self._at(url), mount(self, url):
            yield url
        self._complain()

    @contextmanager
    def _at(self, url: str) -> Iterator[str]:
        before, self._url = self._url, url
        try:
            yield url
        finally:
            self._url = before
            self._tell()

    def _complain(self) -> None:
        """Raise what broke in the fake, or in a function of the test, while it answered."""
        if self._broken:
            raise self._broken[0]

    # -- what it got

    def respond(
        self, request: Request, ended: Callable[[], bool], patience: float | None = None
    ) -> Response:
        """Return the answer that all faults leave; raises `UnansweredError` when there is none.

        :param ended: tells whether nobody can be answered any more.
        :param patience: how long the client waits, where it cannot see to that itself.
        """
        exchange = Exchange(
            request,
            lambda: self.records(request),
            lambda refusal: self.fault_answer(refusal, request),
            self._changed,
            lambda: self.is_down or ended(),
            patience,
        )
        with self._changed:
            place = len(self.requests)
            self.requests.append(request)
            self._outcomes.append("no answer")
            self._changed.notify_all()
        try:
            response = self._checked(exchange)
            self._outcomes[place] = str(response.status)
        finally:
            self._tell()
        return response

    def _checked(self, exchange: Exchange) -> Response:
        try:
            return self._through([*self._faults, *self.habits], exchange)
        except Refusal as refusal:
            in_its_words = type(refusal) is not Refusal  # a protocol has refusals of its own
            return refusal.response if in_its_words else exchange.told(refusal)
        except UnansweredError:
            raise
        except Exception as error:
            self._broken.append(error)
            return exchange.told(Refusal(500, f"the fake is broken: {error!r}"))

    def _through(self, left: Sequence[faults.Fault], exchange: Exchange) -> Response:
        """Return the answer of the first fault that acts, which may go on to those after it."""
        if not left:
            return self._answer(exchange.request)
        fault, *others = left
        go_on = partial(self._through, others, exchange)
        return fault.act(exchange, go_on) if fault.takes(exchange) else go_on()

    def _answer(self, request: Request) -> Response:
        if len(request.body) > LARGEST_BODY:
            raise Refusal(413, f"a body has at most {LARGEST_BODY} bytes")
        with self._turn:
            return self.handle(request)

    def wait_for(self, condition: Callable[[], _T], within: float = 10.0) -> _T:
        """Return what the condition gives as soon as that is true; it is asked at every request.

        Fails, showing what arrived, when it is not within so many seconds of real time.
        """
        __tracebackhide__ = True
        with self._changed:
            if met := self._changed.wait_for(condition, within):
                return met
        raise AssertionError(self._in_vain(within))

    def _in_vain(self, within: float) -> str:
        got = [
            f"\n  {one}: {what}" for one, what in zip(self.requests, self._outcomes, strict=True)
        ]
        if not got:
            return f"nothing came in {within:g} s"
        which = f"the last {_SHOWN} of {len(got)} requests" if len(got) > _SHOWN else "there came"
        return f"waited {within:g} s in vain; {which}:{''.join(got[-_SHOWN:])}"

    def __repr__(self) -> str:
        where = self._url or "nowhere"
        return f"<{type(self).__name__} at {where}: {len(self.requests)} requests>"

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # -- how it misbehaves; faults act in the order in which they were asked for

    def down(self) -> None:
        """Refuse connections, and cut those there are, until `up` or `clear`."""
        self.is_down = True
        if self._loopback is not None:
            self._loopback.shut()
        self._tell()

    def up(self) -> None:
        """Take connections again."""
        self.is_down = False
        if self._loopback is not None:
            self._loopback.open()

    def fail(self, status: int = 503, times: int | None = None) -> faults.Fault:
        """Answer with a status and store nothing."""
        return self._add(faults.Fail(status, times))

    def hang(self, times: int | None = None) -> faults.Fault:
        """Take requests and never answer; clearing the fault ends their connections."""
        return self._add(faults.Hang(times))

    def slow(self, seconds: float, times: int | None = None) -> faults.Fault:
        """Let so much time pass before going on: at once where the fake has a test's clock."""
        return self._add(faults.Slow(seconds, times, self._clock))

    def rate_limit(self, allowed: int, retry_after: float) -> faults.Fault:
        """Let so many requests pass in each `retry_after` seconds, and answer 429 to the others."""
        return self._add(faults.RateLimit(allowed, retry_after, self._clock))

    def reject(self, where: Callable[[Any], object], code: int = 400) -> faults.Fault:
        """Refuse requests with a record for which `where` is true, and store nothing of them."""
        return self._add(faults.Reject(where, code))

    def lose_reply(self, times: int | None = None) -> faults.Fault:
        """Store what comes and end the connection without an answer."""
        return self._add(faults.LoseReply(times))

    def _add(self, fault: _Fault) -> _Fault:
        self._faults.append(fault)
        return fault

    def clear(self, *which: faults.Fault) -> None:
        """End these faults, all without any named, and release who hangs in them."""
        for fault in which or self._faults:
            fault.cleared = True
        self._faults = [fault for fault in self._faults if not fault.cleared]
        if not which:
            self.up()
        self._tell()
