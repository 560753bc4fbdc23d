"""One request on its way through a fake server, and how long its client has patience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from pytest_telemetry.servers.faults import Fault
    from pytest_telemetry.servers.messages import Refusal, Request, Response


class UnansweredError(Exception):
    """A request gets no answer."""


class LostError(UnansweredError):
    """The connection ends instead."""


class ImpatientError(UnansweredError):
    """The client's time-out is over before the answer."""


@define
class Exchange:
    """What a fault knows of a request.

    :ivar records: returns what the request carries, as the protocol understands it.
    :ivar told: returns a refusal in the words of the protocol.
    :ivar patience: the seconds that the client waits for an answer, where it cannot see to that
        itself; without, it can, or it waits for ever.
    :ivar ended: tells whether nobody can be answered any more.
    """

    request: Request
    records: Callable[[], Iterable[Any]]
    told: Callable[[Refusal], Response]
    changed: threading.Condition = field(repr=False)
    ended: Callable[[], bool]
    patience: float | None = None

    def wait(self, fault: Fault, seconds: float | None) -> None:
        """Let time pass until the fault is cleared; without seconds, until then only.

        Raises `LostError` when everything ended meanwhile, `ImpatientError` when the client did.
        """
        spans = [span for span in (seconds, self.patience) if span is not None]
        limit = min(spans, default=None)
        with self.changed:
            released = self.changed.wait_for(lambda: fault.cleared or self.ended(), limit)
        if self.ended():
            raise LostError
        if self.patience is None or released:
            return
        if limit == self.patience:
            raise ImpatientError
        self.patience -= seconds or 0.0
