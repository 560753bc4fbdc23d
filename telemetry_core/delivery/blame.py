"""Finds out who is to blame for a batch that came back: one of its records, or the other end."""

from __future__ import annotations

from collections import Counter
from enum import Enum, auto
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

PATIENCE = 3  # so many times the same exception before it is more than an accident


class Verdict(Enum):
    """What to do with a batch that was refused or that raised."""

    AGAIN = auto()  # ship it again, later
    HALVE = auto()  # look in half of it
    NEXT = auto()  # its one record is suspected; see how another one fares alone
    BURY = auto()  # its one record is to blame
    DESTINATION = auto()  # the other end is to blame, whatever the record


@define
class _Doubt:
    """A complaint about a whole batch, until each of its records has come to its end."""

    complaint: str
    unsettled: set[str]
    passes: int = 0
    lone: Counter[str] = field(factory=Counter)  # how often each came back alone
    witnessed: set[str] = field(factory=set)  # those that others have passed since
    sure: bool = False  # that it is the destination, as long as nothing passes


class Blame:
    """Narrows a complaint down by halving, and condemns a record only when others pass.

    A batch that came back is halved until one record stands alone. If others of its batch have
    passed, or the next one passes alone, it is the record; if the next one comes back with the
    same complaint, it is the destination. A refusal is believed once; an exception may be an
    accident, so a record has to raise alone several times, with others passing in between.
    `limit` is how many records the next batch may have.
    """

    def __init__(self, full: int) -> None:
        self.full = self.limit = max(1, full)
        self._doubt: _Doubt | None = None
        self._repeated: tuple[str, tuple[str, ...]] = ("", ())
        self._repeats = 0

    def refused(self, ids: Sequence[str], code: str) -> Verdict:
        """Judge a batch that the other end will not have."""
        doubt = self._doubt_about(code)
        if len(ids) > 1:
            if doubt is None:
                self._doubt = _Doubt(code, set(ids))
            elif doubt.sure:
                return Verdict.DESTINATION
            return self._halve(ids)
        if doubt is None or doubt.passes:
            self._note_pass()  # of a sort: it was refused for a reason of its own
            return Verdict.BURY
        return self._compare(doubt, ids[0])

    def raised(self, ids: Sequence[str], error: str, *, others: bool = True) -> Verdict:
        """Judge a batch at which the plugin raised; `error` is the exception's type and text.

        `others` tells whether there is any other record to compare with.
        """
        repeats = self._count(ids, error)
        doubt = self._doubt_about(error)
        if doubt is None:
            if repeats < PATIENCE:
                return Verdict.AGAIN
            doubt = self._doubt = _Doubt(error, set(ids))
        if doubt.sure:
            return Verdict.AGAIN
        if len(ids) > 1:
            return self._halve(ids)
        verdict = self._compare(doubt, ids[0])
        return Verdict.BURY if self._is_proven(doubt, ids[0], others=others) else verdict

    def passed(self) -> None:
        """Note that some of a batch arrived; the next may be larger, unless one is suspected."""
        self._repeats = 0
        self._note_pass()
        if self._doubt is None or not self._doubt.lone:
            self.limit = min(self.full, self.limit * 2)

    def settled(self, ids: Collection[str]) -> None:
        """Note that records have come to their end, delivered or not."""
        doubt = self._doubt
        if doubt is None:
            return
        doubt.unsettled.difference_update(ids)
        for record_id in ids:
            doubt.lone.pop(record_id, None)
        if not doubt.unsettled and not doubt.sure:
            self._doubt = None

    @property
    def condemned(self) -> bool:
        """Whether the destination was found to be at fault, and nothing has passed since."""
        return self._doubt is not None and self._doubt.sure

    def condemn(self, code: str) -> None:
        """Go on from what an earlier process found out about the destination."""
        self._doubt = _Doubt(code, set(), sure=True)
        self.limit = 1

    def _compare(self, doubt: _Doubt, record_id: str) -> Verdict:
        """Suspect a record that came back alone, or the destination when another one did too."""
        self.limit = 1
        doubt.lone[record_id] += 1
        if doubt.sure or (not doubt.passes and len(doubt.lone) > 1):
            doubt.sure = True
            doubt.lone.clear()
            return Verdict.DESTINATION
        return Verdict.NEXT

    @staticmethod
    def _is_proven(doubt: _Doubt, record_id: str, *, others: bool) -> bool:
        """Say whether a record raised often enough while others passed.

        Where no other is left to pass in between, it has to raise twice as often.
        """
        if record_id in doubt.witnessed:
            return doubt.lone[record_id] >= PATIENCE
        return bool(doubt.passes) and not others and doubt.lone[record_id] >= 2 * PATIENCE

    def _halve(self, ids: Sequence[str]) -> Verdict:
        self.limit = len(ids) // 2
        return Verdict.HALVE

    def _note_pass(self) -> None:
        if self._doubt is not None:
            self._doubt.passes += 1
            self._doubt.sure = False
            self._doubt.witnessed.update(self._doubt.lone)

    def _doubt_about(self, complaint: str) -> _Doubt | None:
        doubt = self._doubt
        return doubt if doubt is not None and doubt.complaint == complaint else None

    def _count(self, ids: Sequence[str], error: str) -> int:
        """Count how often in a row the same exception came from the same batch."""
        this = (error, tuple(ids))
        self._repeats = self._repeats + 1 if this == self._repeated else 1
        self._repeated = this
        return self._repeats
