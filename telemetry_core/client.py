"""The front door: what a program calls, none of which ever breaks or blocks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from telemetry_core.clock import SystemClock, iso8601
from telemetry_core.complaints import Complaints
from telemetry_core.config import TelemetryConfig, load_config
from telemetry_core.delivery.report import ClientHealth, FlushReport
from telemetry_core.errors import TelemetryError
from telemetry_core.ids import RandomIds
from telemetry_core.plain import text_of
from telemetry_core.privacy import Redactor
from telemetry_core.recording import Recording
from telemetry_core.run_book import RunBook
from telemetry_core.surroundings import scene
from telemetry_core.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from telemetry_core.clock import Clock
    from telemetry_core.ids import IdSource

FLUSH_TIMEOUT = 10.0
_DISABLED = "telemetry is disabled by TELEMETRY_DISABLED"


class TelemetryClient(Recording):
    """Says what a program does to every active plugin, and never raises into it.

    Without a config it is the environment's; only the default client searches for a file.
    """

    def __init__(
        self,
        config: TelemetryConfig | None = None,
        *,
        plugins: Sequence[object] = (),
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        self._clock: Clock = SystemClock() if clock is None else clock
        self._ids: IdSource = RandomIds() if ids is None else ids
        self._now = self._clock.time_ns
        self._new_id = self._ids.event_id
        self._complaints = Complaints()
        self._teller: Teller | None = None
        self._problem = ""
        try:
            self._open(TelemetryConfig.from_env() if config is None else config, plugins)
        except Exception as error:
            self._problem = text_of(error)
            self._complaints.caught("building the telemetry client", error)
        self._off = self._teller is None

    @classmethod
    def searching(cls, directory: str = ".") -> Self:
        """Return a client for the configuration file nearest to a directory, as the default is."""
        try:
            return cls(load_config(search_from=directory))
        except TelemetryError as error:
            client = cls(TelemetryConfig(active=(), disabled=True))
            client._problem = str(error)
            client._complaints.caught("reading the telemetry configuration", error)
            return client

    def _open(self, config: TelemetryConfig, plugins: Sequence[object]) -> None:
        self._complaints.raises = config.on_error == "raise"
        if config.disabled:
            self._problem = _DISABLED
            return
        redact = Redactor(config.privacy.redact).redact
        self._redact = redact
        self._book = RunBook(
            self._clock, self._ids, self._complaints, lambda: redact(scene(config))
        )
        self._teller = Teller(
            config, plugins, self._clock, self._ids, self._complaints, self._end_open_runs
        )
        self._tell_event = self._teller.event

    # -- delivery

    def flush(self, timeout: float = FLUSH_TIMEOUT) -> FlushReport:
        """Have everything delivered that can be, within so many seconds, and say what became."""
        if self._teller is None:
            return FlushReport(problem=self._problem)
        try:
            return self._teller.awake().flush(timeout)
        except Exception as error:
            self._complaints.caught("flush", error)
            return FlushReport(problem=text_of(error))

    async def aflush(self, timeout: float = FLUSH_TIMEOUT) -> FlushReport:  # noqa: ASYNC109
        """Flush without holding up the event loop."""
        if self._teller is None:
            return FlushReport(problem=self._problem)
        try:
            return await self._teller.awake().aflush(timeout)
        except Exception as error:
            self._complaints.caught("aflush", error)
            return FlushReport(problem=text_of(error))

    def close(self) -> None:
        """End our open runs as cancelled, deliver for `exit_timeout` at most, and let go.

        What is recorded later is still spooled, for the next process.
        """
        if self._teller is None:
            return
        try:
            self._end_open_runs()
            self._teller.awake().close()
        except Exception as error:
            self._complaints.caught("close", error)

    async def aclose(self) -> None:
        """Close without holding up the event loop."""
        if self._teller is None:
            return
        try:
            self._end_open_runs()
            await self._teller.awake().aclose()
        except Exception as error:
            self._complaints.caught("aclose", error)

    def _end_open_runs(self) -> None:
        """End what this process started and nobody ended: cancelled, and marked as inferred."""
        assert self._teller is not None
        for run in self._teller.awake().intake.open_runs():
            if self._book.end(run, "cancelled", {}, inferred=True):
                self._teller.end_run(run)

    def get_stats(self) -> dict[str, Any]:
        """Return counts over the stored runs, and the figures of ids and sinks of this client."""
        stats: dict[str, Any] = {"timestamp": iso8601(self._now()), **_no_stats()}
        if self._teller is None:
            return stats
        try:
            engine = self._teller.awake()
            store = engine.runs_store()
            stats |= store.get_stats() if store is not None else {}
            stats |= {"run_id_metrics": self._book.metrics(), "sinks": engine.stats()}
        except Exception as error:
            self._complaints.caught("get_stats", error)
        return stats

    def health(self) -> ClientHealth:
        """Say how every sink is, without asking any on the caller's thread."""
        if self._teller is None:
            return ClientHealth(ok=self._problem == _DISABLED, message=self._problem)
        try:
            return self._teller.awake().health()
        except Exception as error:
            self._complaints.caught("health", error)
            return ClientHealth(ok=False, message=text_of(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _no_stats() -> dict[str, Any]:
    """Return the figures where there is no store to ask, or nothing was built."""
    none = {"total_runs": 0, "by_status": {}, "pending_api_posts": 0, "agents": {}, "recent_24h": 0}
    return {**none, "run_id_metrics": {}, "sinks": {}}
