"""The front door: what a program calls, none of which ever breaks or blocks it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from telemetry_core.clock import SystemClock, iso8601, parse_iso8601
from telemetry_core.commits import associate
from telemetry_core.complaints import Complaints
from telemetry_core.config import TelemetryConfig, load_config
from telemetry_core.delivery.report import ClientHealth, FlushReport
from telemetry_core.errors import TelemetryError
from telemetry_core.ids import RandomIds
from telemetry_core.models import EXCEPTION, RunEvent, RunRecord
from telemetry_core.privacy import Redactor
from telemetry_core.run_book import RunBook, scene, text
from telemetry_core.run_context import RunTracker, current_run
from telemetry_core.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from telemetry_core.clock import Clock
    from telemetry_core.ids import IdSource

FLUSH_TIMEOUT = 10.0
_DISABLED = "telemetry is disabled by TELEMETRY_DISABLED"


class TelemetryClient:
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
        except TelemetryError as error:
            self._problem = str(error)
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

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded; may be set at any time."""
        return self._off

    @disabled.setter
    def disabled(self, off: bool) -> None:
        self._off = off or self._teller is None

    # -- runs

    def start_run(
        self, agent_name: str, job_type: str, trigger_type: str | None = "cli", **fields: Any
    ) -> str:
        """Start a run and return its id; every further field of a run may be given by name."""
        try:
            if not self._off:
                run = self._begin(agent_name, job_type, trigger_type, fields)
                self._teller.start_run(run)  # type: ignore[union-attr]
                return run.run_id
        except Exception as error:
            self._complaints.caught("start_run", error)
        return self._ids.run_id(text(agent_name), self._now())

    def _begin(
        self, agent_name: str, job_type: str, trigger_type: str | None, fields: dict[str, Any]
    ) -> RunRecord:
        parent = current_run()
        if parent is not None:
            fields.setdefault("parent_run_id", parent.run_id)
        given = self._redact({**fields, "agent_name": agent_name, "job_type": job_type})
        return self._book.begin(given.pop("agent_name"), given.pop("job_type"), trigger_type, given)

    def log_event(
        self, run_id: str | None, event_type: str, payload: Mapping[str, Any] | None = None
    ) -> None:
        """Say that something happened in a run; the run need not be known here."""
        if self._off:
            return
        try:
            now = self._now()
            event = RunEvent(
                self._new_id(now),
                event_type if type(event_type) is str else text(event_type),
                now,
                run_id if type(run_id) is str else _text_or_none(run_id),
                self._redact(payload) if payload else None,
            )
            self._tell_event(event, self._book.active.get(event.run_id))  # type: ignore[arg-type]
        except Exception as error:
            self._complaints.caught("log_event", error)

    def end_run(self, run_id: str, status: str = "success", **fields: Any) -> None:
        """End a run; every field of a run may be given by name. A second end is ignored."""
        if self._off:
            return
        try:
            run = self._book.active.get(run_id)
            if run is None:
                known = "has ended already" if self._book.find(run_id) else "is not known here"
                self._complaints("end_run", f"the run {text(run_id)} {known}; its end is ignored")
                return
            self._book.end(run, status, self._redact(fields))
            self._teller.end_run(run)  # type: ignore[union-attr]
        except Exception as error:
            self._complaints.caught("end_run", error)

    def update_run(self, run_id: str, **fields: Any) -> None:
        """Set fields of a run that is active or ended lately, as `RunContext.set_metrics` does."""
        if self._off:
            return
        try:
            run = self._book.find(run_id)
            if run is None:
                self._complaints("update_run", f"the run {text(run_id)} is not known here")
                return
            self._update(run, self._redact(fields))
        except Exception as error:
            self._complaints.caught("update_run", error)

    def _update(self, run: RunRecord, fields: dict[str, Any]) -> None:
        self._book.update(run, fields)
        self._teller.update_run(run)  # type: ignore[union-attr]

    def track_run(
        self, agent_name: str, job_type: str, trigger_type: str | None = "cli", **fields: Any
    ) -> RunTracker:
        """Return a context manager, async context manager and decorator around one run.

        It gives a `RunContext`, ends the run as what happened and lets exceptions pass.
        """
        return RunTracker(lambda: self, agent_name, job_type, trigger_type, **fields)

    def describe_exception(self, error: BaseException) -> dict[str, Any]:
        """Return the fields that an exception gives the run it ends."""
        from telemetry_core.tracebacks import error_summary, exception_payload

        try:
            details = exception_payload(error)["stack_trace"]
            return {"error_summary": error_summary(error), "error_details": details}
        except Exception as problem:
            self._complaints.caught("describing an exception", problem)
            return {}

    def associate_commit(
        self,
        run_id: str,
        commit_hash: str,
        commit_source: str,
        commit_author: str | None = None,
        commit_timestamp: str | None = None,
    ) -> tuple[bool, str]:
        """Tie a commit to a run, also one that has ended; say whether that was possible."""
        if self._off:
            return False, f"[SKIP] {self._problem or 'telemetry is disabled'}"
        commit = {
            "git_commit_hash": commit_hash,
            "git_commit_source": commit_source,
            "git_commit_author": commit_author,
            "git_commit_timestamp": commit_timestamp,
        }
        try:
            return associate(self._find_anywhere, self._update, run_id, commit)
        except Exception as error:
            self._complaints.caught("associate_commit", error)
            return False, f"[ERROR] {type(error).__name__}: {text(error)}"

    def _find_anywhere(self, run_id: str) -> RunRecord | None:
        run = self._book.find(run_id)
        store = self._teller.awake().runs_store() if run is None and self._teller else None
        return run if store is None else store.get_run(run_id)

    # -- events of their own

    def capture(
        self,
        event: str,
        distinct_id: str | None = None,
        properties: Mapping[str, Any] | None = None,
        *,
        timestamp: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> str:
        """Say that something happened, in the current run if there is one; return its id."""
        now = self._now()
        try:
            if not self._off:
                if timestamp is not None:
                    now = self._read_time(timestamp, now)
                return self._say(event, now, distinct_id, properties, context)
        except Exception as error:
            self._complaints.caught("capture", error)
        return self._new_id(now)

    def capture_exception(
        self,
        exception: BaseException | None = None,
        distinct_id: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> str:
        """Say that an exception happened, the one being handled by default; return its id."""
        error = sys.exception() if exception is None else exception
        try:
            if not self._off and error is not None:
                from telemetry_core.tracebacks import exception_payload

                payload = {"exception": exception_payload(error), **(properties or {})}
                return self._say(EXCEPTION, self._now(), distinct_id, payload)
        except Exception as problem:
            self._complaints.caught("capture_exception", problem)
        return self._new_id(self._now())

    def _say(
        self,
        event_type: str,
        now: int,
        distinct_id: str | None,
        payload: Mapping[str, Any] | None,
        context: Mapping[str, Any] | None = None,
    ) -> str:
        current = current_run()
        run_id = None if current is None else current.run_id
        event = RunEvent(
            self._new_id(now),
            event_type if type(event_type) is str else text(event_type),
            now,
            run_id,
            self._redact(payload) if payload else None,
            distinct_id if type(distinct_id) is str else _text_or_none(distinct_id),
            self._redact(dict(context)) if context else None,
        )
        self._tell_event(event, self._book.active.get(run_id) if run_id else None)
        return event.event_id

    def _read_time(self, timestamp: object, now: int) -> int:
        try:
            return parse_iso8601(text(timestamp))
        except ValueError:
            self._complaints("timestamp", f"{text(timestamp)!r} is no ISO 8601 time; it is now")
            return now

    # -- delivery

    def flush(self, timeout: float = FLUSH_TIMEOUT) -> FlushReport:
        """Have everything delivered that can be, within so many seconds, and say what became."""
        if self._teller is None:
            return FlushReport(problem=self._problem)
        try:
            return self._teller.awake().flush(timeout)
        except Exception as error:
            self._complaints.caught("flush", error)
            return FlushReport(problem=text(error))

    async def aflush(self, timeout: float = FLUSH_TIMEOUT) -> FlushReport:  # noqa: ASYNC109
        """Flush without holding up the event loop."""
        if self._teller is None:
            return FlushReport(problem=self._problem)
        return await self._teller.awake().aflush(timeout)

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
        if self._teller is not None:
            self._end_open_runs()
            await self._teller.awake().aclose()

    def _end_open_runs(self) -> None:
        """End what this process started and nobody ended: cancelled, and marked as inferred."""
        assert self._teller is not None
        for run in self._teller.engine.intake.open_runs():
            run.inferred = True
            self._book.end(run, "cancelled", {})
            self._teller.end_run(run)

    def get_stats(self) -> dict[str, Any]:
        """Return counts over the stored runs, and the figures of ids and sinks of this client."""
        stats: dict[str, Any] = {"timestamp": iso8601(self._now())}
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
            return ClientHealth(ok=False, message=text(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _text_or_none(value: object) -> str | None:
    return None if value is None else text(value)
