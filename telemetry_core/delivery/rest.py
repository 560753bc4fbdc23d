"""A request to a worker's thread to end between two steps, which may be taken back."""

from __future__ import annotations

from collections import deque


class Rest:
    """The request of one worker. Nothing of it takes a lock: a signal handler may be in it too.

    :ivar wanted: whether it was asked for since the thread was started last.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._requests: deque[None] = deque()

    @property
    def asked(self) -> bool:
        """Whether a request waits for the thread."""
        return bool(self._requests)

    def ask(self) -> None:
        """Have the thread end, unless it was asked to already."""
        if not self.wanted:
            self.wanted = True
            self._requests.append(None)

    def take(self) -> bool:
        """Take the request, which only one can; false when there is none."""
        try:
            self._requests.popleft()
        except IndexError:
            return False
        return True

    def withdraw(self) -> bool:
        """Take a request back, if any; false when the thread is following it already."""
        if not self.wanted:
            return True
        self.wanted = False
        return self.take()

    def forget(self) -> None:
        """Begin anew, with another thread."""
        self.wanted = False
        self._requests.clear()
