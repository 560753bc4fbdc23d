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
    """Adds each run once.

    To append is not repeatable, so the ids in column A are read before the first append, which
    another process may have made in part, and again after one of which nobody knows whether it
    was done.
    """

    def __init__(self, api: ValuesApi, columns: Sequence[str], pace: Pace, clock: Clock) -> None:
        self._api = api
        self._columns = columns
        self._pace = pace
        self._clock = clock
        self._header: Sequence[str] = ()
        self._is_known = False
        self._added: OrderedDict[str, None] = OrderedDict()

    def ship(self, runs: dict[Record, RunRecord], batch: Batch) -> Receipt:
        """Add the rows of these runs that are not there yet, in one request."""
        alone = Batch(tuple(runs), deadline=batch.deadline)
        if wait := self._pace.wait():
            return self._pausing(Receipt(), wait)
        try:
            self.add([cells_of(run, self._columns) for run in runs.values()], batch.deadline)
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
        rows = self._api.read("1:1", deadline)
        header = [str(name) for name in rows[0]] if rows else []
        if problem := self._wrong_header(header):
            raise RefusedError(problem)
        return header

    def add(self, rows: Iterable[Mapping[str, Any]], deadline: float) -> int:
        """Add the rows that are not there yet, each by the names of its columns; return how many.

        Raises as the API does.
        """
        wanted = {str(row[KEY]): row for row in rows}
        if not self._is_known:
            self._header = self.look(deadline)
            there = self._ids(deadline) if self._header else set()
            self._remember(wanted.keys() & there)
            self._is_known = True
        fresh = [row for key, row in wanted.items() if key not in self._added]
        if fresh:
            header = self._header or self._columns
            cells = [[row.get(name, "") for name in header] for row in fresh]
            self._append(cells if self._header else [list(header), *cells], deadline)
            self._header = header
            self._remember(str(row[KEY]) for row in fresh)
        return len(fresh)

    def _append(self, rows: list[list[object]], deadline: float) -> None:
        self._pace.note()
        self._is_known = False  # until an answer says what became of it
        try:
            self._api.append(rows, deadline)
        except RefusedError as error:
            status = error.answer.status if error.answer else _SERVER_ERRORS
            self._is_known = _BAD_REQUEST <= status < _SERVER_ERRORS and not error.problem.lasts
            raise
        self._is_known = True

    def _remember(self, added: Iterable[str]) -> None:
        self._added.update(dict.fromkeys(added))
        while len(self._added) > _REMEMBERED:
            self._added.popitem(last=False)

    def _ids(self, deadline: float) -> set[str]:
        return {str(row[0]) for row in self._api.read("A:A", deadline) if row}

    def _wrong_header(self, header: Sequence[str]) -> Problem | None:
        if not header:
            return None
        if header[0] != KEY:
            words = (
                f"cell A1 holds {header[0]!r} and not {KEY}, so this tab is used for something"
                " else; name an empty one as `sheet`"
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
        reason = f"as many writes as it may make in a minute were made; the next in {seconds:.0f} s"
        return evolve(receipt, retry_after=seconds, code=PACED, reason=reason)
