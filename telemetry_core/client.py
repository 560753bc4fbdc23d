"""The front door: what a program calls, none of which ever breaks or blocks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from telemetry_core.clock import SystemClock, iso8601
from telemetry_core.complaints import Complaints
from telemetry_core.config import TelemetryConfig, load_config
from telemetry_core.delivery.report import ClientHealth, FlushReport
from telemetry_core.errors import ConfigError, TelemetryError, described, is_of_half_an_import
from telemetry_core.ids import RandomIds
from telemetry_core.logs import get_logger
from telemetry_core.privacy import Redactor
from telemetry_core.recording import Recording
from telemetry_core.run_book import RunBook
from telemetry_core.settings import shown
from telemetry_core.surroundings import scene
from telemetry_core.telling import Silence, Teller
from telemetry_core.telling_once import ToldExceptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from telemetry_core.clock import Clock
    from telemetry_core.ids import IdSource

logger = get_logger("telemetry_core.client")

FLUSH_TIMEOUT = 10.0
_NO_RUNS = {
    "total_runs": 0,
    "by_status": {},
    "pending_api_posts": 0,
    "agents": {},
    "recent_24h": 0,
}


class TelemetryClient(Recording):
    """Says what a program does to every active plugin, and never raises into it.

    Without a config it is the environment's; only the default client searches for a file.

    :ivar too_early: whether nothing is recorded because it was built in a signal handler, in the
        middle of an import that it needs; another one will do.
    """

    too_early = False

    def __init__(
        self,
        config: TelemetryConfig | None = None,
        *,
        plugins: Sequence[object] = (),
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        self._begin(SystemClock() if clock is None else clock, RandomIds() if ids is None else ids)
        try:
            self._open(TelemetryConfig.from_env() if config is None else config, plugins)
        except Exception as error:
            self._give_up(error)

    @classmethod
    def searching(cls, directory: str = ".") -> Self:
        """Return a client for the configuration file nearest to a directory, as the default is."""
        try:
            config = load_config(search_from=directory)
        except Exception as error:
            return cls.silenced(error)
        return cls(config)

    @classmethod
    def silenced(cls, error: Exception) -> Self:
        """Return a client that takes everything and records nothing, and warn of the reason.

        It asks neither a file nor the environment, so that nothing can be wrong with it.
        """
        client = cls.__new__(cls)
        cls._begin(client, SystemClock(), RandomIds())
        cls._give_up(client, error)
        return client

    def _begin(self, clock: Clock, ids: IdSource) -> None:
        """Set up what every call relies on; nothing is recorded yet."""
        self._clock = clock
        self._ids = ids
        self._now = clock.time_ns
        self._new_id = ids.event_id
        self._config: TelemetryConfig | None = None
        self._complaints = Complaints()
        self._book = RunBook(clock, ids, self._complaints)
        self._be_silent(Silence("nothing was built"))

    def _be_silent(self, silence: Silence) -> None:
        self._teller: Teller | Silence = silence
        self._tell_event = silence.event
        self._off = True

    def _open(self, config: TelemetryConfig, plugins: Sequence[object]) -> None:
        if not isinstance(config, TelemetryConfig):
            raise ConfigError(
                f"a client takes a TelemetryConfig, not {shown(config)}; load_config() gives one"
            )
        self._complaints.on_error = config.on_error
        self._config = config
        if config.disabled:
            asked = config.environ.says_yes("TELEMETRY_DISABLED")
            whose = "TELEMETRY_DISABLED" if asked else "its configuration"
            self._be_silent(Silence(f"telemetry is disabled by {whose}", well=True))
            return
        redact = self._redact = Redactor(config.privacy.redact).redact
        self._told = ToldExceptions()
        self._book = RunBook(
            self._clock, self._ids, self._complaints, lambda: redact(scene(config))
        )
        self._teller = Teller(
            config, plugins, self._clock, self._ids, self._complaints, self._end_open_runs
        )
        self._tell_event = self._teller.event
        self._off = False

    def _give_up(self, error: Exception) -> None:
        problem = str(error) if isinstance(error, TelemetryError) else described(error)
        self.too_early = is_of_half_an_import(error)
        self._be_silent(Silence(problem))
        self._complaints.gave_up("client", f"nothing is recorded: {problem}", error)

    @property
    def config(self) -> TelemetryConfig | None:
        """The configuration in force; nothing when none could be read."""
        return self._config

    # -- delivery

    def flush(self, timeout: float = FLUSH_TIMEOUT) -> FlushReport:
        """Have everything delivered that can be, within so many seconds, and say what became."""
        with self._complaints.guard("flush") as guard:
            return self._teller.awake().flush(timeout)
        return FlushReport(problem=guard.problem)

    async def aflush(self, timeout: float = FLUSH_TIMEOUT) -> FlushReport:  # noqa: ASYNC109
        """Flush without holding up the event loop."""
        with self._complaints.guard("aflush") as guard:
            return await self._teller.awake().aflush(timeout)
        return FlushReport(problem=guard.problem)

    def close(self) -> None:
        """End our open runs as cancelled, deliver for `exit_timeout` at most, and let go.

        What is recorded later is still spooled, for the next process.
        """
        with self._complaints.guard("close"):
            self._end_open_runs()
            self._teller.awake().close()

    async def aclose(self) -> None:
        """Close without holding up the event loop."""
        with self._complaints.guard("aclose"):
            self._end_open_runs()
            await self._teller.awake().aclose()

    def _end_open_runs(self) -> None:
        """End what this process started and nobody ended: cancelled, and marked as inferred."""
        for run in self._teller.open_runs():
            if self._book.end(run, "cancelled", {}, inferred=True):
                self._teller.end_run(run)

    # -- figures

    def get_stats(self) -> dict[str, Any]:
        """Return counts over the stored runs, and the figures of ids, sinks and complaints."""
        stats: dict[str, Any] = {**_NO_RUNS, "sinks": {}, **self.get_run_id_metrics()}
        with self._complaints.guard("get_stats"):
            engine = self._teller.awake()
            store = self._teller.runs_store()
            stats |= store.get_stats() if store is not None else {}
            stats |= {"sinks": engine.stats()}
        return stats | {"complaints": dict(self._complaints.counts)}

    def get_run_id_metrics(self) -> dict[str, Any]:
        """Return how the ids of runs came about: given, generated, rejected and why."""
        return {"run_id_metrics": self._book.metrics(), "timestamp": iso8601(self._now())}

    def log_run_id_metrics(self) -> None:
        """Log these figures, at the level of information."""
        with self._complaints.guard("log_run_id_metrics"):
            logger.info("run ids: %s", self._book.metrics())

    def health(self) -> ClientHealth:
        """Say how every sink is, without asking any on the caller's thread."""
        with self._complaints.guard("health") as guard:
            return self._teller.awake().health()
        return ClientHealth(ok=False, message=guard.problem)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
