"""One tab as a log of runs: its header, what it has already, and the rows that are added."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from attrs import evolve
from httpx import TransportError

from telemetry_core import Batch, Receipt
from telemetry_core.sending import receipt_for, receipt_for_error
from telemetry_sheets.columns import KEY, cells_of
from telemetry_sheets.errors import Problem, RefusedError
from telemetry_sheets.outcomes import PACED
from telemetry_sheets.words import unanswered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from telemetry_core import Clock, Record, RunRecord
    from telemetry_sheets.pace import Pace
    from telemetry_sheets.values_api import ValuesApi

_BAD_REQUEST, _SERVER_ERRORS = 400, 500
_REMEMBERED = 10_000  # ids of rows that were added, so that a run that comes again is not


class Sheet:
    """Adds each run once, under the header that the tab has at that moment.

    To append is not repeatable, so the ids in column A are read first where a row may be there:
    for the first append, for what a process left that is gone, and after an append of which
    nobody knows whether it was done.
    """

    def __init__(self, api: ValuesApi, columns: Sequence[str], pace: Pace, clock: Clock) -> None:
        self._api = api
        self._columns = columns
        self._pace = pace
        self._clock = clock
        self._is_new = True
        self._doubtful: set[str] = set()
        self._added: OrderedDict[str, None] = OrderedDict()

    def ship(self, runs: dict[Record, RunRecord], batch: Batch) -> Receipt:
        """Add the rows of these runs that are not there yet, in one request."""
        alone = Batch(tuple(runs), deadline=batch.deadline)
        if wait := self._pace.wait():
            return self._pausing(Receipt(), wait)
        try:
            rows = [cells_of(run, self._columns) for run in runs.values()]
            self.add(rows, batch.deadline, left=any(record.adopted for record in runs))
        except RefusedError as error:
            return self._refusal(error, alone)
        except TransportError as error:
            return receipt_for_error(error)
        return self._pausing(Receipt.all(alone), self._pace.wait())

    def check(self, deadline: float, *, to_write: bool = False) -> Problem | None:
        """Return what is wrong with the way to the tab; nothing when rows can be added.

        :param to_write: find out by adding no row at all.
        """
        try:
            self.look(deadline)
            if to_write:
                self._api.append([], deadline)
        except RefusedError as error:
            return error.problem
        except TransportError as error:
            return unanswered(error)
        return None

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def look(self, deadline: float) -> Sequence[str]:
        """Return the header, empty in an empty tab; raises as the API does, also for a wrong one."""
        rows = self._read("1:1", deadline) or self._begun_meanwhile(deadline)
        header = [str(name) for name in rows[0]] if rows else []
        if problem := self._wrong_header(header):
            raise RefusedError(problem)
        return header

    def add(self, rows: Iterable[Mapping[str, Any]], deadline: float, *, left: bool = False) -> int:
        """Add the rows that are not there yet, each by the names of its columns; return how many.

        Raises as the API does.

        :param left: some are from a process that is gone, and may have added them.
        """
        wanted = {str(row[KEY]): row for row in rows}
        header = self.look(deadline) or self._begun(deadline)
        if left or self._is_new or self._doubtful:
            self._remember((wanted.keys() | self._doubtful) & self._ids(deadline))
            self._is_new, self._doubtful = False, set()
        fresh = {key: row for key, row in wanted.items() if key not in self._added}
        if fresh:
            self._doubtful = set(fresh)  # until an answer says what became of them
            self._append(
                [[row.get(name, "") for name in header] for row in fresh.values()], deadline
            )
            self._remember(fresh)
        return len(fresh)

    def _begun(self, deadline: float) -> Sequence[str]:
        """Write the header of an empty tab; return what it is then.

        Where another program was first, its header counts, and ours is taken away.
        """
        place = self._api.append([list(self._columns)], deadline)
        if place.rpartition("!")[2].partition(":")[0] != "A1":
            self._api.empty(place, len(self._columns), deadline)
        return self.look(deadline)

    def _append(self, rows: list[list[object]], deadline: float) -> None:
        try:
            self._api.append(rows, deadline)
        except RefusedError as error:
            status = error.answer.status if error.answer else _SERVER_ERRORS
            if _BAD_REQUEST <= status < _SERVER_ERRORS:
                self._doubtful.clear()
            raise
        self._doubtful.clear()

    def _remember(self, added: Iterable[str]) -> None:
        self._added.update(dict.fromkeys(added))
        while len(self._added) > _REMEMBERED:
            self._added.popitem(last=False)

    def _ids(self, deadline: float) -> set[str]:
        return {str(row[0]) for row in self._read("A:A", deadline) if row}

    def _read(self, cells: str, deadline: float) -> list[list[Any]]:
        self._pace.note()
        return self._api.read(cells, deadline)

    def _begun_meanwhile(self, deadline: float) -> list[list[Any]]:
        """Return the first row that another program wrote just now; none in an empty tab.

        Raises `RefusedError` where there are rows without a header.
        """
        column = self._read("A:A", deadline)
        if column and not column[0]:
            words = (
                "the first row of the tab is empty and others are not; write the header there"
                f" again, or name an empty tab as `{self._api.place.setting}`"
            )
            raise RefusedError(Problem("header", words, lasts=True))
        return self._read("1:1", deadline) if column else []

    def _wrong_header(self, header: Sequence[str]) -> Problem | None:
        if not header:
            return None
        if header[0] != KEY:
            words = (
                f"cell A1 holds {header[0]!r} and not {KEY}, so this tab is used for something"
                f" else; name an empty one as `{self._api.place.setting}`"
            )
            return Problem("other_tab", words, lasts=True)
        missing = [name for name in self._columns if name not in header]
        if not missing:
            return None
        words = (
            f"the first row of the tab lacks {', '.join(missing)}; write it behind the others, or"
            " leave it out of `columns`"
        )
        return Problem("header", words, lasts=True)

    def _refusal(self, error: RefusedError, batch: Batch) -> Receipt:
        code, words, lasts = error.problem
        if lasts:
            return Receipt.pause(code, words)
        if error.answer is None or error.answer.status < _BAD_REQUEST:
            return Receipt.wait(words, code=code)
        receipt = receipt_for(error.answer.status, error.answer.headers, batch, self._clock, words)
        return evolve(receipt, code=code)

    @staticmethod
    def _pausing(receipt: Receipt, seconds: float) -> Receipt:
        """Have the core leave the sheet alone for so long, if at all."""
        if not seconds:
            return receipt
        reason = (
            f"as many requests as it may make in a minute were made; the next in {seconds:.0f} s"
        )
        return evolve(receipt, retry_after=seconds, code=PACED, reason=reason)
