"""The runs that a client knows: made from what the caller says, changed, and ended."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any

from telemetry_core.clock import NS_PER_MS, iso8601, parse_iso8601
from telemetry_core.errors import UnknownStatusError
from telemetry_core.ids import random_suffix
from telemetry_core.logs import get_logger
from telemetry_core.models import (
    COUNT_FIELDS,
    JSON_FIELDS,
    RUN_FIELDS,
    RUNNING,
    TIME_FIELDS,
    RunRecord,
    normalize_status,
)
from telemetry_core.plain import text_of, text_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry_core.clock import Clock
    from telemetry_core.ids import IdSource

logger = get_logger("telemetry_core.runs")

LONGEST_RUN_ID = 255
MOST_ENDED_REMEMBERED = 1000
_FORBIDDEN_IN_IDS = frozenset("/\\\x00")
_KNOWN = frozenset(RUN_FIELDS)
_NEVER_CHANGED = frozenset({"run_id", "event_id"})
_NOT_THE_CALLERS = frozenset({"revision", "inferred"})
_MOST = 2**63 - 1  # what a column of a database holds
_COUNTS = frozenset(COUNT_FIELDS)
_TIMES = frozenset(TIME_FIELDS)
_JSON = frozenset(JSON_FIELDS)


class RunBook:
    """Keeps the active runs and the last ended ones, and cleans what callers say of them.

    `complain(kind, message)` is told of what had to be mended; it warns, or raises in tests.
    """

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        complain: Callable[[str, str], None],
        scene: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self.active: dict[str, RunRecord] = {}
        self._ended: OrderedDict[str, RunRecord] = OrderedDict()
        self._started: dict[str, float] = {}
        self._clock = clock
        self._ids = ids
        self._complain = complain
        self._counts: Counter[str] = Counter()
        self._look_around = scene
        self._scene: dict[str, Any] | None = None

    def find(self, run_id: str) -> RunRecord | None:
        """Return a run that is active or ended lately."""
        return self.active.get(run_id) or self._ended.get(run_id)

    def begin(
        self, agent_name: str, job_type: str, trigger_type: str | None, given: Mapping[str, Any]
    ) -> RunRecord:
        """Make the record of a run that starts now and remember it."""
        now = self._clock.time_ns()
        if self._scene is None:
            self._scene = self._look_around()
        fields = {**self._scene, **self._clean(given)}
        run_id = self._run_id(fields.pop("run_id", None), text_of(agent_name), now)
        moment = iso8601(now)
        fields.setdefault("start_time", moment)
        fields.setdefault("event_id", self._ids.event_id(now))
        fields.setdefault("created_at", fields["start_time"])
        fields["updated_at"] = moment
        run = RunRecord(
            run_id,
            text_of(agent_name),
            text_of(job_type),
            text_or_none(trigger_type),
            revision=1,
            **fields,
        )
        while self.active.setdefault(run.run_id, run) is not run:
            self._counts["duplicates"] += 1
            run.run_id = f"{run_id}-duplicate-{random_suffix()}"
        self._started[run.run_id] = self._clock.monotonic()
        return run

    def update(self, run: RunRecord, given: Mapping[str, Any]) -> None:
        """Set fields of a run."""
        self._set(run, self._clean(given))

    def _set(self, run: RunRecord, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if name == "context_json":
                run.context_json = _joined(run.context_json, value)
            elif name not in _NEVER_CHANGED:
                setattr(run, name, value)
        run.revision += 1
        run.updated_at = iso8601(self._clock.time_ns())

    def end(
        self, run: RunRecord, status: str, given: Mapping[str, Any], *, inferred: bool = False
    ) -> bool:
        """Close a run: its status, its end, its duration by the steady clock.

        False when it has ended already; but an explicit end may follow one that was inferred.
        """
        fields = self._clean(given)
        word = self.status(status, ending=True)
        if self.active.pop(run.run_id, None) is None and (inferred or not run.inferred):
            return False
        self._ended[run.run_id] = run
        self._set(run, fields)
        run.status, run.inferred = word, inferred
        now = run.updated_at or run.start_time
        run.end_time = fields.get("end_time") or now
        if not fields.get("duration_ms"):
            run.duration_ms = self._duration_ms(run)
        if not fields.get("end_time") and now < run.start_time:  # by their text: quick
            run.end_time = _end_after_start(run, now)
        while len(self._ended) > MOST_ENDED_REMEMBERED:
            self._started.pop(self._ended.popitem(last=False)[0], None)
        return True

    def status(self, status: str, *, ending: bool = False) -> str:
        """Return the canonical word; an unknown one is complained of and counts as a failure."""
        try:
            word = normalize_status(text_of(status))
        except UnknownStatusError as error:
            self._complain("status", str(error))
            return "failure"
        return "success" if ending and word == RUNNING else word

    def metrics(self) -> dict[str, Any]:
        """Return how run ids came about: given, generated, rejected and why."""
        counts = self._counts
        rejected = {reason: counts[reason] for reason in ("empty", "too_long", "invalid_chars")}
        total = counts["custom"] + counts["generated"]
        return {
            "custom_accepted": counts["custom"],
            "generated": counts["generated"],
            "rejected": {**rejected, "total": sum(rejected.values())},
            "duplicates_detected": counts["duplicates"],
            "total_runs": total,
            "custom_percentage": round(100.0 * counts["custom"] / total, 2) if total else 0.0,
        }

    def _duration_ms(self, run: RunRecord) -> int:
        started = self._started.get(run.run_id)
        if started is not None:
            return max(0, round((self._clock.monotonic() - started) * 1000))
        try:
            return max(
                0, (parse_iso8601(run.end_time or "") - parse_iso8601(run.start_time)) // NS_PER_MS
            )
        except ValueError:
            return 0

    def _run_id(self, given: object, agent_name: str, now: int) -> str:
        if not given:
            self._counts["generated"] += 1
            return self._ids.run_id(agent_name, now)
        run_id = text_of(given)
        fault = _fault_of_run_id(run_id)
        if fault:
            self._counts[fault] += 1
            self._counts["generated"] += 1
            self._complain("run_id", f"the run id {run_id[:80]!r} is {fault}; one was generated")
            return self._ids.run_id(agent_name, now)
        self._counts["custom"] += 1
        return run_id

    def _clean(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Sort what a caller says into fields of the right type; the unknown goes to the context."""
        fields: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for name, value in given.items():
            if name not in _KNOWN or name in _NOT_THE_CALLERS:
                unknown[name] = value
            elif value is not None:
                self._take(fields, name, value)
        if unknown:
            names = ", ".join(sorted(map(text_of, unknown)))
            self._complain("field", f"a run has no field {names}; kept in context_json")
            fields["context_json"] = _joined(fields.get("context_json"), unknown)
        return fields

    def _take(self, fields: dict[str, Any], name: str, value: Any) -> None:
        try:
            fields[name] = self._fitting(name, value)
        except (TypeError, ValueError, OverflowError) as error:
            self._complain("value", f"{name}={text_of(value)[:80]!r} was left out: {error}")

    def _fitting(self, name: str, value: Any) -> Any:
        if name in _COUNTS:
            count = int(value)
            if not 0 <= count <= _MOST:
                self._complain("count", f"{name} is no count that can be kept; it is bounded")
            return min(max(0, count), _MOST)
        if name == "status":
            return self.status(value)
        if name in _JSON:
            return _object_of(value)
        if name in _TIMES:
            parse_iso8601(text_of(value))
        if name == "schema_version":
            return int(value)
        if name == "api_posted":
            return bool(value)
        return text_of(value)


def _object_of(value: Any) -> Any:
    """Return what a JSON field holds; text that is a JSON object becomes that object."""
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return parsed if isinstance(parsed, dict) else value
    return value


def _joined(old: Any, new: Any) -> Any:
    if old is None:
        return new
    before = old if isinstance(old, dict) else {"context": old}
    after = new if isinstance(new, dict) else {"context": new}
    return {**before, **after}


def _fault_of_run_id(run_id: str) -> str:
    if not run_id.strip():
        return "empty"
    if len(run_id) > LONGEST_RUN_ID:
        return "too_long"
    return "invalid_chars" if _FORBIDDEN_IN_IDS.intersection(run_id) else ""


def _end_after_start(run: RunRecord, end_time: str) -> str:
    """Return an end that does not lie before the start, whatever the clock did in between."""
    start = parse_iso8601(run.start_time)
    return (
        end_time
        if parse_iso8601(end_time) >= start
        else iso8601(start + run.duration_ms * NS_PER_MS)
    )
