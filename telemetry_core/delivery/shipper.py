"""Takes what one sink is owed, hands it over in batches and settles what comes back."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from telemetry_core.clock import NS_PER_DAY, NS_PER_SECOND
from telemetry_core.delivery.blame import Blame, Verdict
from telemetry_core.delivery.burial import Burial
from telemetry_core.delivery.circuit import Circuit
from telemetry_core.delivery.dead_letters import DeadLetter
from telemetry_core.delivery.gate import Gate
from telemetry_core.delivery.hand import Choice, Hand
from telemetry_core.delivery.receipts import HOURLY, Outcome, read_receipt
from telemetry_core.delivery.retry import RetryPolicy
from telemetry_core.delivery.state import Pause, SinkState, fingerprint
from telemetry_core.errors import described
from telemetry_core.records import Batch, Record, Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry_core.clock import Clock
    from telemetry_core.delivery.burial import LetterStore
    from telemetry_core.delivery.ends import Outbox, Sink

CALL_TIMEOUT = 30.0
MAX_AGE_NS = 14 * NS_PER_DAY
# A record from before this moment was stamped by a clock that was not set; its age is unknown.
_FIRST_PLAUSIBLE_TIME = 1_577_836_800 * NS_PER_SECOND  # 2020-01-01
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


class Shipper:
    """Delivers to one sink, a batch a step, and never loses a record on the way.

    A record ends as delivered, as a dead letter, as skipped by `only` and `except`, or (where
    `max_attempts` is stated) as dropped; until then the outbox goes on owing it.
    """

    def __init__(
        self,
        sink: Sink,
        outbox: Outbox,
        *,
        clock: Clock,
        dead_letters: LetterStore,
        state: SinkState,
        retry: RetryPolicy | None = None,
        circuit: Circuit | None = None,
        max_age_ns: int = MAX_AGE_NS,
        call_timeout: float = CALL_TIMEOUT,
        max_attempts: int | None = None,
        report: Callable[[str, str], None],
    ) -> None:
        self.delivered = self.refused = self.dropped = self.skipped = self.failures = 0
        self.last_error = ""
        self.last_success: int | None = None
        self.circuit = circuit or Circuit(clock)
        self._sink = sink
        self._outbox = outbox
        self._clock = clock
        self._max_age_ns = max_age_ns
        self._call_timeout = call_timeout
        self._max_attempts = max_attempts
        self._report = report
        retry = retry or RetryPolicy()
        self._gate = Gate(clock, retry, self.circuit, state)
        self._burial = Burial(sink.name, dead_letters, clock, retry, self._buried, self._complain)
        self._hand = Hand()
        self._blame = Blame(1)
        self._choice = Choice((), ())
        self._begun = False

    @property
    def paused_until(self) -> int | None:
        """The wall time until which the sink is left alone, or nothing."""
        return self._gate.paused_until()

    @property
    def pause(self) -> Pause | None:
        """Why the sink is left alone, or nothing."""
        return self._gate.pause

    def step(self, *, force: bool = False) -> float | None:
        """Ship one batch; return the seconds until the next step, or nothing when none is owed.

        `force` tries past back-off and circuit, never past a pause. What the plugin does never
        raises here.
        """
        if not self._begun:
            self._begin()
        self._burial.commit(force=force)
        if len(self._burial) >= self._blame.full:
            return self._burial.wait()
        if wait := self._gate.wait(force=force):
            return wait if self._outbox.pending(at_most=1) else None
        took = self._fill()
        records = self._hand.choose(self._blame.limit, self._sink.batch_bytes)
        if not records:
            return 0.0 if took else self._burial.wait() if self._burial else None
        if wait := self._gate.enter(force=force):
            return wait
        self._ship(records)
        self._gate.remember(self.last_error)
        return self._gate.wait()

    # -- taking

    def _begin(self) -> None:
        """Look at the sink, which its worker has built by now, and at its past."""
        self._begun = True
        self._choice = Choice(self._sink.only, self._sink.except_)
        self._blame = Blame(self._sink.batch_size)
        self._gate.begin(fingerprint(self._sink.destination(), self._sink.instance))
        pause = self._gate.pause
        if pause is not None and pause.destination:
            self._blame.condemn(pause.code)

    def _fill(self) -> bool:
        """Take what fits into the next batch; a batch that failed is tried as it was."""
        if self._hand and self._gate.failures_in_a_row:
            return False
        return self._take(self._blame.limit - len(self._hand))

    def _take(self, room: int) -> bool:
        room_bytes = self._sink.batch_bytes - self._hand.size
        if room <= 0 or room_bytes <= 0:
            return False
        taken = self._outbox.take(room, room_bytes)
        wanted = [record for record in taken if self._choice.wants(record)]
        if len(wanted) < len(taken):
            self.skipped += len(taken) - len(wanted)
            self._outbox.settle([r.id for r in taken if not self._choice.wants(r)])
        largest = self._sink.max_record_bytes
        if largest is not None and any(record.size > largest for record in wanted):
            self._bury_too_large([r for r in wanted if r.size > largest], largest)
            wanted = [record for record in wanted if record.size <= largest]
        self._hand.add(wanted)
        return bool(taken)

    # -- shipping

    def _ship(self, records: Sequence[Record]) -> None:
        ids = [record.id for record in records]
        batch = Batch(
            tuple(record.copy() for record in records),  # what a plugin does to it stays its own
            sink=self._sink.name,
            deadline=self._clock.monotonic() + self._call_timeout,
            attempt=self._hand.tried(records),
            waiting=lambda lane: self._outbox.pending(lanes=(lane,)),
        )
        try:
            assert self._sink.ship_batch is not None
            receipt = self._sink.ship_batch(batch)
            outcome = read_receipt(receipt, ids, self._clock.time_ns())
        except BaseException as error:  # SystemExit too: this is the worker's thread
            self._raised(records, error)
        else:
            self._judge(records, outcome)
        self._end_hopeless(records)

    def _judge(self, records: Sequence[Record], outcome: Outcome) -> None:
        if outcome.strangers:
            self._complain("strangers", "its receipt names records that were not in the batch")
        if outcome.delivered:
            self._deliver(outcome.delivered)
        self._bury({r: outcome.rejected[r.id] for r in records if r.id in outcome.rejected})
        words = f"{outcome.code} {outcome.reason}".strip()
        if outcome.settles or outcome.refused is not None or outcome.pause is not None:
            self._gate.answered()
        else:
            self._fail("failure", words or "its receipt settled nothing", self._what_waits())
            self._gate.failed()
        if outcome.pause is not None:
            self._fail(f"pause {outcome.code}", f"paused: {words}", self._what_waits())
            self._gate.pause_for(Pause(outcome.pause, outcome.code, outcome.reason))
        elif outcome.refused is not None:
            self._refused(self._left(records), outcome.refused)
        if outcome.retry_after:
            self._gate.pause_for(Pause(outcome.retry_after, outcome.code, outcome.reason))

    def _refused(self, records: Sequence[Record], rejection: Rejection) -> None:
        if not records:
            return
        words = f"{rejection.code} {rejection.reason}".strip()
        self._fail("refused", f"refused: {words}")
        verdict = self._blame.refused([record.id for record in records], rejection.code)
        if verdict is Verdict.BURY:
            self._bury(dict.fromkeys(records, rejection))
        elif verdict is Verdict.NEXT:
            self._try_another()
            if len(self._hand) == 1:
                self._gate.back_off()
        elif verdict is Verdict.DESTINATION:
            self._hand.put_behind(2)
            self._complain(
                f"destination {rejection.code}",
                f"paused: it refuses whatever it is sent ({words}); check its address and settings",
            )
            self._gate.pause_for(Pause(HOURLY, rejection.code, rejection.reason, destination=True))

    def _raised(self, records: Sequence[Record], error: BaseException) -> None:
        text = described(error)
        self._fail("raised", f"ship_batch raised {text}", self._what_waits())
        ids = [record.id for record in records]
        known = len(records) + len(self._burial)
        others = self._outbox.pending(at_most=known + 1) > known
        verdict = self._blame.raised(ids, _ADDRESS.sub("0x", text), others=others)
        if verdict is Verdict.BURY:
            self._gate.answered()
            self._bury(dict.fromkeys(records, Rejection("plugin_error", text)))
        elif verdict is Verdict.HALVE:
            self._gate.searched()
        else:
            self._gate.failed()
            if verdict is Verdict.NEXT or self._blame.condemned:
                self._try_another()

    def _try_another(self) -> None:
        """Have another record shipped next, a fresh one when there is one."""
        if len(self._hand) < self._blame.full:
            self._take(1)
        self._hand.bring_another()

    # -- endings

    def _left(self, records: Sequence[Record]) -> list[Record]:
        """Return those of a batch that have not come to an end."""
        return [record for record in records if self._hand.attempts(record.id)]

    def _deliver(self, ids: Sequence[str]) -> None:
        self._blame.passed()
        self._settle(ids)
        self.delivered += len(ids)
        self.last_success = self._clock.time_ns()

    def _bury(self, rejections: dict[Record, Rejection]) -> None:
        """Make dead letters of records; they leave the hand at once and the outbox when kept."""
        if not rejections:
            return
        letters = [
            DeadLetter(record, why.code, why.reason, self._hand.attempts(record.id))
            for record, why in rejections.items()
        ]
        self._forget([record.id for record in rejections])
        self._burial.add(letters)

    def _bury_too_large(self, records: Sequence[Record], largest: int) -> None:
        self._complain("too_large", f"records larger than {largest} bytes became dead letters")
        why = Rejection("too_large", f"larger than the {largest} bytes that this sink accepts")
        self._bury(dict.fromkeys(records, why))

    def _end_hopeless(self, records: Sequence[Record]) -> None:
        """End what was tried and is too old, or was tried as often as this sink allows."""
        left = self._left(records)
        oldest = self._clock.time_ns() - self._max_age_ns
        why = Rejection("too_old", f"not delivered in time; the last failure: {self.last_error}")
        too_old = [r for r in left if _FIRST_PLAUSIBLE_TIME < r.time_ns < oldest]
        self._bury(dict.fromkeys(too_old, why))
        if self._max_attempts is not None:
            limit = self._max_attempts
            spent = [r.id for r in left if self._hand.attempts(r.id) >= limit]
            self.dropped += len(spent)
            self._settle(spent)

    def _buried(self, ids: Sequence[str]) -> None:
        self._outbox.settle(ids)
        self.refused += len(ids)

    def _settle(self, ids: Sequence[str]) -> None:
        self._outbox.settle(ids)
        self._forget(ids)

    def _forget(self, ids: Sequence[str]) -> None:
        done = frozenset(ids)
        self._hand.drop(done)
        self._blame.settled(done)

    # -- reporting

    def _fail(self, kind: str, text: str, consequence: str = "") -> None:
        self.failures += 1
        self.last_error = text
        self._complain(kind, text + consequence)

    def _what_waits(self) -> str:
        if self._max_attempts is None:
            return "; its records wait"
        return f"; its records are dropped after {self._max_attempts} attempts"

    def _complain(self, kind: str, text: str) -> None:
        name = self._sink.name
        with suppress(Exception):  # a report that raises, as tests have it, loses no record
            self._report(f"{name} {kind}", f"sink {name}: {text}")
