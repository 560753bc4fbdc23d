"""Finds out who is to blame for a batch that came back: one of its records, or the other end."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from attrs import define

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
    suspect: str | None = None
    raises: int = 0
    sure: bool = False  # that it is the destination, as long as nothing passes


class Blame:
    """Narrows a complaint down by halving, and condemns a record only when others pass.

    A batch that came back is halved until one record stands alone. If others of its batch have
    passed, or the next one passes alone, it is the record; if the next one comes back with the
    same complaint, it is the destination. `limit` is how many records the next batch may have.
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
            self.limit = len(ids) // 2
            return Verdict.HALVE
        if doubt is None or doubt.passes:
            self._note_pass()  # of a sort: it was refused for a reason of its own
            return Verdict.BURY
        if doubt.sure or doubt.suspect not in {None, ids[0]}:
            return self._condemn_destination(doubt)
        return self._suspect(doubt, ids[0])

    def raised(self, ids: Sequence[str], error: str) -> Verdict:
        """Judge a batch at which the plugin raised; `error` is the exception's type and text."""
        repeats = self._count(ids, error)
        doubt = self._doubt_about(error)
        if doubt is None:
            if repeats < PATIENCE:
                return Verdict.AGAIN
            doubt = self._doubt = _Doubt(error, set(ids), raises=repeats - 1)
        if doubt.sure:
            return Verdict.AGAIN
        if len(ids) > 1:
            doubt.raises = 0
            self.limit = len(ids) // 2
            return Verdict.HALVE
        if doubt.suspect not in {None, ids[0]}:
            return self._condemn_destination(doubt)
        doubt.raises += 1
        if doubt.raises >= PATIENCE and doubt.passes:
            return Verdict.BURY
        return self._suspect(doubt, ids[0])

    def passed(self) -> None:
        """Note that some of a batch arrived; the next one may be larger, unless one is suspected."""
        self._repeats = 0
        self._note_pass()
        if self._doubt is None or self._doubt.suspect is None:
            self.limit = min(self.full, self.limit * 2)

    def settled(self, ids: Collection[str]) -> None:
        """Note that records have come to their end, delivered or not."""
        doubt = self._doubt
        if doubt is None:
            return
        doubt.unsettled.difference_update(ids)
        if doubt.suspect in ids:
            doubt.suspect, doubt.raises = None, 0
        if not doubt.unsettled and not doubt.sure:
            self._doubt = None

    @property
    def condemned(self) -> str | None:
        """The code for which the destination was found to be at fault, until something passes."""
        return self._doubt.complaint if self._doubt is not None and self._doubt.sure else None

    def condemn(self, code: str) -> None:
        """Go on from what an earlier process found out about the destination."""
        self._doubt = _Doubt(code, set(), sure=True)
        self.limit = 1

    def _note_pass(self) -> None:
        if self._doubt is not None:
            self._doubt.passes += 1
            self._doubt.sure = False

    def _doubt_about(self, complaint: str) -> _Doubt | None:
        doubt = self._doubt
        return doubt if doubt is not None and doubt.complaint == complaint else None

    def _suspect(self, doubt: _Doubt, record_id: str) -> Verdict:
        doubt.suspect = record_id
        self.limit = 1
        return Verdict.NEXT

    @staticmethod
    def _condemn_destination(doubt: _Doubt) -> Verdict:
        doubt.suspect, doubt.raises, doubt.sure = None, 0, True
        return Verdict.DESTINATION

    def _count(self, ids: Sequence[str], error: str) -> int:
        """Count how often in a row the same exception came from the same batch."""
        this = (error, tuple(ids))
        self._repeats = self._repeats + 1 if this == self._repeated else 1
        self._repeated = this
        return self._repeats
