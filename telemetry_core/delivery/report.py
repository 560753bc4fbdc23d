"""What `flush` and `health` answer: how each sink stands, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Mapping


@define
class SinkReport:
    """One sink's figures since this client was built, and what still waits for it."""

    delivered: int = 0
    pending: int = 0
    refused: int = 0
    dropped: int = 0
    error: str = ""


@define
class FlushReport:
    """What a flush came to; true when nothing is pending and everything was accepted.

    :ivar not_accepted: records that found no room, neither on the disk nor in memory.
    """

    sinks: Mapping[str, SinkReport] = field(factory=dict)
    not_accepted: int = 0
    torn: int = 0
    problem: str = ""

    def __bool__(self) -> bool:
        return not self.problem and not self.not_accepted and self.pending == 0

    @property
    def delivered(self) -> int:
        """Records delivered, summed over the sinks."""
        return sum(sink.delivered for sink in self.sinks.values())

    @property
    def pending(self) -> int:
        """Records that wait, summed over the sinks."""
        return sum(sink.pending for sink in self.sinks.values())

    @property
    def refused(self) -> int:
        """Records that became dead letters, summed over the sinks."""
        return sum(sink.refused for sink in self.sinks.values())

    @property
    def dropped(self) -> int:
        """Records dropped for room or age, summed over the sinks."""
        return sum(sink.dropped for sink in self.sinks.values())


@define
class SinkHealth:
    """How one sink is."""

    ok: bool
    message: str = ""
    circuit: str = "closed"
    pending: int = 0
    last_error: str = ""


@define
class ClientHealth:
    """How the client is: well when every sink is and nothing stands still."""

    ok: bool
    message: str = ""
    sinks: Mapping[str, SinkHealth] = field(factory=dict)
