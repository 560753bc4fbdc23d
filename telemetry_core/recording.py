"""What a program says through its client: runs, events, exceptions and commits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from telemetry_core.clock import parse_iso8601
from telemetry_core.commits import associate
from telemetry_core.models import EXCEPTION, RunEvent, RunRecord
from telemetry_core.plain import text_of, text_or_none
from telemetry_core.run_context import RunTracker, current_run
from telemetry_core.telling import Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry_core.complaints import Complaints
    from telemetry_core.ids import IdSource
    from telemetry_core.run_book import RunBook
    from telemetry_core.telling import Teller
    from telemetry_core.telling_once import ToldExceptions


class Recording:
    """The half of a client that is called all the time; none of it raises into the program."""

    _complaints: Complaints
    _ids: IdSource
    _now: Callable[[], int]
    _new_id: Callable[[int], str]
    _redact: Callable[[Any], Any]
    _book: RunBook
    _teller: Teller | Silence
    _tell_event: Callable[[RunEvent, RunRecord | None], None]
    _told: ToldExceptions
    _off: bool

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded; may be set at any time."""
        return self._off

    @disabled.setter
    def disabled(self, off: bool) -> None:
        self._off = off or isinstance(self._teller, Silence)

    # -- runs

    def start_run(
        self, agent_name: str, job_type: str, trigger_type: str | None = "cli", **fields: Any
    ) -> str:
        """Start a run and return its id; every further field of a run may be given by name."""
        try:
            if not self._off:
                run = self._new_run(agent_name, job_type, trigger_type, fields)
                self._teller.start_run(run)
                return run.run_id
        except Exception as error:
            self._complaints.caught("start_run", error)
        return self._ids.run_id(text_of(agent_name), self._now())

    def _new_run(
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
                event_type if type(event_type) is str else text_of(event_type),
                now,
                run_id if type(run_id) is str else text_or_none(run_id),
                None if payload is None else self._redact(payload),
            )
            self._tell_event(event, self._book.active.get(event.run_id))  # type: ignore[arg-type]
        except Exception as error:
            self._complaints.caught("log_event", error)

    def end_run(self, run_id: str, status: str = "success", **fields: Any) -> None:
        """End a run; every field of a run may be given by name. A second end is ignored."""
        if self._off:
            return
        try:
            run = self._book.find(run_id)
            if run is not None and self._book.end(run, status, self._redact(fields)):
                self._teller.end_run(run)
                return
            known = "is not known here" if run is None else "has ended already"
            self._complaints("end_run", f"the run {text_of(run_id)} {known}; its end is ignored")
        except Exception as error:
            self._complaints.caught("end_run", error)

    def update_run(self, run_id: str, **fields: Any) -> None:
        """Set fields of a run that is active or ended lately, as `RunContext.set_metrics` does."""
        if self._off:
            return
        with self._complaints.guard("update_run"):
            run = self._book.find(run_id)
            if run is None:
                self._complaints("update_run", f"the run {text_of(run_id)} is not known here")
                return
            self._update(run, self._redact(fields))

    def _update(self, run: RunRecord, fields: dict[str, Any]) -> None:
        self._book.update(run, fields)
        self._teller.update_run(run)

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

        with self._complaints.guard("describing an exception"):
            details = exception_payload(error, self._is_secret)["stack_trace"]
            return {"error_summary": error_summary(error), "error_details": details}
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
            return False, f"[SKIP] {self._teller.problem or 'telemetry is disabled'}"
        commit = {
            "git_commit_hash": commit_hash,
            "git_commit_source": commit_source,
            "git_commit_author": commit_author,
            "git_commit_timestamp": commit_timestamp,
        }
        with self._complaints.guard("associate_commit") as guard:
            return associate(self._find_anywhere, self._update, run_id, commit)
        return False, f"[ERROR] {guard.problem}"

    def _find_anywhere(self, run_id: str) -> RunRecord | None:
        run = self._book.find(run_id)
        store = self._teller.runs_store() if run is None else None
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
        event_id: str | None = None,
    ) -> str:
        """Say that something happened, in the current run if there is one; return its id.

        :param event_id: a UUID of the caller's; what is said twice under one id is one event.
        """
        now = self._now()
        try:
            given = None if event_id is None else self._read_id(event_id)
            if not self._off:
                if timestamp is not None:
                    now = self._read_time(timestamp, now)
                return self._say(event, now, distinct_id, properties, context, given)
            if given is not None:
                return given
        except Exception as error:
            self._complaints.caught("capture", error)
        return self._new_id(now)

    def capture_exception(
        self,
        exception: BaseException | None = None,
        distinct_id: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> str:
        """Say that an exception happened, the one being handled by default; return its id.

        The same exception, told again, is no second event: the id is that of the first.
        """
        error = sys.exception() if exception is None else exception
        with self._complaints.guard("capture_exception"):
            if not self._off and error is not None:
                now = self._now()
                event_id = self._new_id(now)
                told = self._told.claim(error, event_id)
                if told != event_id:
                    return told
                payload = self._exception_payload(error, properties)
                return self._say(EXCEPTION, now, distinct_id, payload, None, event_id)
        return self._new_id(self._now())

    def _exception_payload(
        self, error: BaseException, properties: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        from telemetry_core.tracebacks import exception_payload

        more = self._clean_mapping(properties, "properties")
        return {"exception": exception_payload(error, self._is_secret), **(more or {})}

    def _is_secret(self, name: str) -> bool:
        return bool(self._redact({name: ""}) != {name: ""})

    def _say(
        self,
        event_type: str,
        now: int,
        distinct_id: str | None,
        payload: Mapping[str, Any] | None,
        context: Mapping[str, Any] | None = None,
        event_id: str | None = None,
    ) -> str:
        current = current_run()
        run_id = None if current is None else current.run_id
        event = RunEvent(
            event_id or self._new_id(now),
            event_type if type(event_type) is str else text_of(event_type),
            now,
            run_id,
            None if payload is None else self._redact(payload),
            distinct_id if type(distinct_id) is str else text_or_none(distinct_id),
            self._clean_mapping(context, "context"),
        )
        self._tell_event(event, self._book.active.get(run_id) if run_id else None)
        return event.event_id

    def _clean_mapping(self, given: object, name: str) -> dict[str, Any] | None:
        """Return what nobody minds being read, under a name when it is no mapping."""
        if given is None:
            return None
        clean = self._redact(given)
        return clean if type(clean) is dict else {name: clean}

    def _read_id(self, event_id: object) -> str | None:
        from uuid import UUID

        try:
            return str(UUID(text_of(event_id)))
        except ValueError:
            self._complaints(
                "event_id", f"{text_of(event_id)!r} is no UUID; the event gets another"
            )
            return None

    def _read_time(self, timestamp: object, now: int) -> int:
        try:
            return parse_iso8601(text_of(timestamp))
        except ValueError:
            self._complaints("timestamp", f"{text_of(timestamp)!r} is no ISO 8601 time; it is now")
            return now
