"""How the sink server misbehaves: each fault stands between a request and its usual answer."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from email.utils import formatdate
from math import ceil
from time import monotonic, time
from typing import TYPE_CHECKING, ClassVar

from benchmarks.sink_server.answers import Reply
from benchmarks.sink_server.marks import inflated, marks

if TYPE_CHECKING:
    from asyncio import Transport

    from benchmarks.sink_server.answers import Request

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER without a wait: closing sends RST instead of FIN


@dataclass
class Fault:
    """What every fault is; it acts on so many requests, or until the server behaves again.

    :ivar times: on how many requests with a body it acts, on every request by default.
    :cvar listening: whether connections are accepted; without it the port refuses them.
    :cvar tls: whether TLS is spoken, under the certificate that the server was given.
    """

    times: int | None = None
    _acted: int = field(default=0, kw_only=True)

    listening: ClassVar[bool] = True
    tls: ClassVar[bool] = False

    def answer(self, request: Request, usual: Reply) -> Reply | None:
        """Return what is answered in place of the usual, or nothing to leave it unanswered.

        :param usual: a reply of its own, which may be changed and given back.
        """
        if self.times is not None:
            if self._acted >= self.times or not request.body:
                return usual
            self._acted += 1
        return self.act(request, usual)

    def act(self, request: Request, usual: Reply) -> Reply | None:  # noqa: ARG002
        """Return what is answered to a request that it acts on."""
        return usual

    def received(self, transport: Transport) -> bool:  # noqa: ARG002
        """Act on bytes that have come, and say whether nobody is to read them."""
        return False

        return None


@dataclass
class Refused(Fault):
    """Nobody listens, and who was connected is cut off; the port stays ours."""

    listening: ClassVar[bool] = False


@dataclass
class Hang(Fault):
    """Takes whatever comes and never says a word, not even in a TLS handshake."""

    def act(self, request: Request, usual: Reply) -> None:
        """Leave it unanswered."""


@dataclass
class Slow(Fault):
    """Stores, and answers after a while."""

    seconds: float = 1.0

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Answer later."""
        usual.after = self.seconds
        return usual


@dataclass
class Fail(Fault):
    """Answers with a status, and stores nothing."""

    status: int = 503

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Turn it away."""
        return _refusal(self.status)


@dataclass
class RateLimit(Fault):
    """Answers 429 and serves nobody before the time that it named is over.

    :ivar as_date: whether it names that time as an HTTP date rather than in seconds.
    """

    seconds: int = 1
    as_date: bool = False
    _until: float | None = None

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Turn away who comes too early; the time begins with the first request."""
        now = time() if self.as_date else monotonic()
        if self._until is None:
            self._until = ceil(now + self.seconds) if self.as_date else now + self.seconds
        if now >= self._until:
            return usual
        when = formatdate(self._until, usegmt=True) if self.as_date else ceil(self._until - now)
        return _refusal(429, {"Retry-After": str(when), "Date": formatdate(usegmt=True)})


@dataclass
class TooLarge(Fault):
    """Refuses bodies of more than so many bytes when inflated, or of more than so many events.

    Events are the fairer measure between clients that write the same thing at different lengths.
    """

    above: int | None = None
    events: int | None = None

    def act(self, request: Request, usual: Reply) -> Reply:
        """Turn away what is too large."""
        encoding = request.headers.get("content-encoding", "")
        size = len(inflated(request.body, encoding))
        if self.above is not None and size > self.above:
            return _refusal(413)
        if self.events is not None and len(marks(request.body, encoding)) > self.events:
            return _refusal(413)
        return usual


@dataclass
class Poison(Fault):
    """Refuses, as wrong, whatever has one mark in it."""

    mark: int = 0
    status: int = 400

    def act(self, request: Request, usual: Reply) -> Reply:
        """Turn it away, with all that came with it."""
        found = marks(request.body, request.headers.get("content-encoding", ""))
        return _refusal(self.status) if self.mark in found else usual


@dataclass
class Redirect(Fault):
    """Points at another host, and stores nothing."""

    to: str = ""
    status: int = 307

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Say where to."""
        return _refusal(self.status, {"Location": self.to + request.path})


@dataclass
class Truncated(Fault):
    """Stores, and ends the connection before its answer is whole."""

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Promise more than there is."""
        return Reply(headers={"Content-Length": "1000"}, body=b'{"half": ', then_close=True)


@dataclass
class LostAnswer(Fault):
    """Stores, and ends the connection without a word."""

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Say nothing."""
        return Reply(raw=b"", then_close=True)


@dataclass
class Garbage(Fault):
    """Answers with what is no HTTP, and stores nothing."""

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Speak another protocol."""
        return Reply(raw=b"\x00\xffSSH-2.0-somebody else\r\n", then_close=True, stored=False)


@dataclass
class Reset(Fault):
    """Resets connections while their requests are still on their way."""

    def received(self, transport: Transport) -> bool:
        """Break it off."""
        if self.times is not None and self._acted >= self.times:
            return False
        self._acted += 1
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
        return True


@dataclass
class ByteByByte(Fault):
    """Stores, and says its answer one byte at a time."""

    pause: float = 0.005

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Say it slowly."""
        usual.pause = self.pause
        return usual


@dataclass
class Unreadable(Fault):
    """Stores and says so, in a body that is not what its headers say."""

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Call gzip what is none."""
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return Reply(headers=headers, body=b"\xff\xfeneither gzip nor JSON")


@dataclass
class ClosedIdle(Fault):
    """Answers as it should, and soon ends the connection that it promised to keep."""

    def act(self, request: Request, usual: Reply) -> Reply:  # noqa: ARG002
        """Answer, and go without a word about it."""
        usual.then_close, usual.says_so = True, False
        return usual


@dataclass
class Tls(Fault):
    """Speaks TLS where it is spoken to plainly, or under a certificate that nobody trusts."""

    tls: ClassVar[bool] = True


KINDS: dict[str, type[Fault]] = {
    "refused": Refused,
    "hang": Hang,
    "slow": Slow,
    "fail": Fail,
    "rate_limit": RateLimit,
    "too_large": TooLarge,
    "poison": Poison,
    "redirect": Redirect,
    "truncated": Truncated,
    "lost_answer": LostAnswer,
    "garbage": Garbage,
    "reset": Reset,
    "byte_by_byte": ByteByByte,
    "unreadable": Unreadable,
    "closed_idle": ClosedIdle,
    "tls": Tls,
}


def _refusal(status: int, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, stored=False)
