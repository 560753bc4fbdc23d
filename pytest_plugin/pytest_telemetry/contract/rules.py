"""The rules that a sink keeps, each with what to do about a breach; docs/sink-rules.md has them too."""

from __future__ import annotations

import concurrent.futures
import os
import traceback
from typing import NoReturn

import pytest
from attrs import define

PAGE = "docs/sink-rules.md"
_OURS = {os.path.dirname(module) for module in (__file__, concurrent.futures.__file__)}


@define(frozen=True)
class Rule:
    """What holds for every sink, and what to do where it does not."""

    says: str
    remedy: str

    def broken(self, what: str, error: BaseException | None = None) -> NoReturn:
        """Fail the test: what was seen, the rule, where it stands, and what to do."""
        lines = [what, f"  rule: {self.says}", f"  see:  {PAGE}", f"  do:   {self.remedy}"]
        if error is not None:
            lines += ["", _told(error)]
        raise pytest.fail.Exception("\n".join(lines), pytrace=False) from None


def _told(error: BaseException) -> str:
    """Return the traceback of an error without the frames that are the contract's own."""
    report = traceback.TracebackException.from_exception(error)
    own = [frame for frame in report.stack if not _is_ours(frame.filename)]
    report.stack = traceback.StackSummary.from_list(own)
    return "".join(report.format())


def _is_ours(filename: str) -> bool:
    return os.path.dirname(filename) in _OURS


ARRIVED = Rule(
    "What is said to be delivered is at the other end when the call returns.",
    "say delivered only of what the other end has confirmed; let the rest wait",
)
OWN_ID = Rule(
    "Each record is settled by its own id.",
    "collect the ids of the records themselves; positions shift where something is sorted or left out",
)
NO_STRANGERS = Rule(
    "A receipt names records of its batch only.",
    "take the ids from the batch, not from what an earlier one left behind",
)
RECEIPT = Rule(
    "`ship_batch` returns a Receipt, or None when everything arrived.",
    "build it with Receipt.all, .of, .wait, .refuse or .pause",
)
REPEATED = Rule(
    "A record that comes again, also in another batch, makes nothing new and takes nothing away.",
    "store it under its id, and pass over an id that is there; a log writes the id into each entry "
    "and says `append_only = True` in its contract",
)
ANY_ORDER = Rule(
    "Records come in any order: an end before its start, an event before its run.",
    "take each record by itself; every record of a run carries the whole run",
)
END_STAYS = Rule(
    "A run that has ended stays ended, whatever comes after.",
    "let `telemetry_core.merge_runs(stored, new)` decide what is kept",
)
NONES = Rule(
    "A field without a value is None, and the record is delivered like any other.",
    "ask for None wherever the types of RunRecord and RunEvent allow it",
)
ANY_SIZE = Rule(
    "A batch has any size: none, one, or more than `batch_size`.",
    "go through the records; what is too much for one request goes in several, or waits",
)
ONE_VALUE = Rule(
    "A value that the other end does not take costs its own record and no other.",
    "return Receipt.of(delivered, rejected) with that record rejected; where the other end names no "
    "record, Receipt.refuse, and the core finds it",
)
UNCHANGED = Rule(
    "A batch is only looked at.",
    "change a copy: `record.body.to_dict()` is one, what lies in its payload is not",
)
APART = Rule(
    "Each sink delivers to the destination of its own settings.",
    "keep what is open in the instance, in fields with init=False; nothing in the class or module",
)
DOWN = Rule(
    "While the other end is down nothing is delivered and nothing rejected.",
    "let the exception out, or return Receipt.wait; a rejected record is never sent again",
)
RECOVERED = Rule(
    "When the other end is back, the same sink delivers.",
    "after an error give up the connection and open a new one for the next batch",
)
BUILT = Rule(
    "A sink is built and closed whether or not its other end is there.",
    "open nothing in the constructor, but at the first batch",
)
DEADLINE = Rule(
    "A call is over by the deadline of its batch.",
    "give every wait the time that is left, `batch.deadline - clock.monotonic()`; do not retry",
)
CLOSED = Rule(
    "`close` raises nothing: unused, used, a second time, or while the other end is down.",
    "close what is there and forget it, each once",
)
NOTHING_LEFT = Rule(
    "A closed sink leaves no thread and no descriptor behind, nor does a batch.",
    "use `with` for what serves one batch, and end the rest in `close`",
)
FORKED = Rule(
    "A forked child has a sink of its own, made from the fields, and shares nothing that is open.",
    "keep what is open in fields with init=False, nothing in the class or module",
)
ANY_THREAD = Rule(
    "No two calls come at a time, but the next may come on another thread.",
    "tie nothing to the thread (sqlite3: check_same_thread=False)",
)
FROM_TABLE = Rule(
    "The fields of a sink are its settings: a table makes the same sink.",
    "use types that a table can hold, and init=False for all that is no setting",
)
SETTINGS_STAY = Rule(
    "Settings stay as they are while a sink works.",
    "keep what changes in fields with init=False: a forked child's sink is made from the others",
)
HEALTH = Rule(
    "`check_health` returns a Health or None, and raises nothing, whatever state the sink is in.",
    "turn what goes wrong into Health(ok=False, message=...)",
)
DESTINATION = Rule(
    "`destination()` is a text that stays the same for the same settings.",
    "make it of settings alone, such as a path or a host and project",
)
STATES = Rule(
    "What a sink states of itself has the type that the core reads.",
    "whole positive numbers for sizes, a bool for `remote`, a mapping by name from `stats()`",
)
SECRET = Rule(
    "A secret is shown nowhere: not in a repr, a log line, an error, a receipt or a health.",
    "hold it as telemetry_core.Secret and reveal it only in the line that sends or signs",
)
ONCE = Rule(
    "What a program tells its client arrives, once.",
    "see which other rule is broken first; the client's own words are above",
)
