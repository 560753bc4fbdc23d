"""Counts requests of each client in the last minute, within a bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_core import Clock

WINDOW = 60.0
_FINEST = WINDOW / 1200  # seconds: requests closer than that are remembered as one moment
_MOST_MOMENTS = 200_000  # of all clients together: some 20 MB
_SITE = 64  # bits of an IPv6 address that tell one network from another
_LONGEST = 64


class RateLimit:
    """A sliding window of a minute for each client; a refused request is not counted.

    Every call does a constant amount of work in the mean: a moment is added once and dropped
    once. When more clients come in a minute than memory is set aside for, those that were
    silent the longest begin anew.

    :param most: requests of one client in any sixty seconds.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._clients: OrderedDict[str, _Window] = OrderedDict()  # the latest heard of last
        self._moments = 0

    def allows(self, address: str) -> bool:
        """Count a request, unless its client has had as many as it may."""
        now = self._clock.monotonic()
        self._forget(now - WINDOW)
        client = client_of(address)
        window = self._clients.get(client)
        if window is None:
            window = self._clients[client] = _Window()
        self._moments -= window.forget(now - WINDOW)
        if window.count >= self._most:
            return False
        self._moments += window.add(now)
        self._clients.move_to_end(client)
        return True

    def __len__(self) -> int:
        return len(self._clients)

    def _forget(self, since: float) -> None:
        """Drop the clients that were silent for a minute, and the most silent of too many."""
        while self._clients:
            client, window = next(iter(self._clients.items()))
            if window.latest > since and self._moments <= _MOST_MOMENTS:
                return
            self._moments -= len(window)
            del self._clients[client]


class _Window:
    """The moments of one client's requests, and how many there were at each."""

    __slots__ = ("_moments", "count")

    def __init__(self) -> None:
        self._moments: deque[_Moment] = deque()
        self.count = 0

    def __len__(self) -> int:
        return len(self._moments)

    @property
    def latest(self) -> float:
        return self._moments[-1].latest if self._moments else float("-inf")

    def forget(self, since: float) -> int:
        """Drop what is older, and return how many moments that were."""
        before = len(self._moments)
        while self._moments and self._moments[0].latest <= since:
            self.count -= self._moments.popleft().count
        return before - len(self._moments)

    def add(self, now: float) -> int:
        """Add a request, and return how many more moments there are."""
        self.count += 1
        if self._moments and now - self._moments[-1].first < _FINEST:
            self._moments[-1].latest = now
            self._moments[-1].count += 1
            return 0
        self._moments.append(_Moment(now))
        return 1


class _Moment:
    """Requests so close to each other that they are forgotten together, with the last of them."""

    __slots__ = ("count", "first", "latest")

    def __init__(self, now: float) -> None:
        self.first = self.latest = now
        self.count = 1


def client_of(address: str) -> str:
    """Return what stands for a client: its IPv4 address, or the network of its IPv6 address.

    Whoever has one IPv6 address usually has a network of them.
    """
    if ":" not in address:
        return address[:_LONGEST]
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address[:_LONGEST]
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> _SITE:x}/{_SITE}"
