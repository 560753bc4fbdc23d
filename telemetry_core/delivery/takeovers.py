"""Takes over what programs left that are gone, for the sinks of one client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.spool import PATIENCE
from telemetry_core.errors import described

if TYPE_CHECKING:
    from telemetry_core.complaints import Report
    from telemetry_core.delivery.crew import Crew
    from telemetry_core.delivery.spool.spool import Spool


class Takeovers:
    """Looks for folders that belong to nobody; what keeps us from that keeps no sink from its own.

    :ivar count: how often there was something, whichever thread took it.
    """

    def __init__(self, spool: Spool, crew: Crew, report: Report) -> None:
        self.count = 0
        self._spool = spool
        self._crew = crew
        self._report = report

    def built(self, sink: str, destination: str | None) -> None:
        """Look at once whether others left something for a sink that is now there.

        Also when the program is ending by now, as short ones are: a worker that is at work keeps
        the folders' door open, and has its last delivery before it.
        """
        if sink in self._spool.outboxes:
            self._spool.sink_is_live(sink, destination)
            self._look(PATIENCE)

    def look(self) -> None:
        """Take over what is there, unless the client is being closed."""
        if not self._crew.dismissed:
            self._look()

    def _look(self, patience: float = 0.0) -> None:
        try:
            if self._spool.adopt(patience):
                self.count += 1
        except Exception as error:
            problem = f"what other programs left cannot be taken over: {described(error)}"
            self._report("adopt", problem)
