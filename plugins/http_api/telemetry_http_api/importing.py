"""Brings the buffer of the reference client to a service: every row, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from telemetry_core import NotTakenError, TelemetryError, hand_over
from telemetry_http_api.buffer_files import (
    keep_refused,
    lines_of,
    mark_synced,
    taken_from_writer,
)
from telemetry_http_api.buffer_rows import record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from telemetry_core import Record
    from telemetry_http_api.buffer_files import Line
    from telemetry_http_api.sink import HttpApiSink

    Shown = Callable[[int], None]

_AT_ONCE = 500


@define
class Refused:
    """A row that was not taken: where it stands, and why."""

    line: int
    reason: str
    text: bytes = field(default=b"", repr=False)


@define
class Imported:
    """What became of one file.

    :ivar file: its name now; `rows`, how many it has; `sent`, how many the service has.
    :ivar kept: the file in which the refused rows are; nothing when there are none.
    :ivar problem: why not all of it was tried.
    """

    file: str
    rows: int = 0
    sent: int = 0
    refused: list[Refused] = field(factory=list)
    kept: str | None = None
    problem: str = ""

    @property
    def done(self) -> bool:
        """Whether every row was taken."""
        return not self.problem and not self.refused


class BufferImport:
    """Imports files one after the other; once the service takes nothing any more, no further ones.

    Nothing is there twice however often it is done: a run is known by its event id, and what is
    told of it is merged.

    :param sink: which service, and how.
    :param show: is told how many rows are done.
    :param dry_run: read everything and send nothing.
    """

    def __init__(
        self, sink: HttpApiSink, *, show: Shown = lambda _: None, dry_run: bool = False
    ) -> None:
        self._sink = sink
        self._show = show
        self._dry_run = dry_run
        self._rows = 0
        self._problem = ""

    def run(self, files: Iterable[Path]) -> list[Imported]:
        """Import the files, and return what became of each."""
        return [self._file(path) for path in files]

    def _file(self, path: Path) -> Imported:
        done = Imported(path.name, problem=self._problem)
        if self._problem:
            return done
        try:
            self._import(path, done)
        except OSError as error:
            done.problem = f"{type(error).__name__}: {error}"
        return done

    def _import(self, path: Path, done: Imported) -> None:
        if self._dry_run:
            for lines in _portions(lines_of(path)):
                self._read(lines, done)
            return
        path = taken_from_writer(path)
        done.file = path.name
        self._send(path, done)
        if done.problem:
            return
        kept = keep_refused(path, [one.text for one in done.refused if one.text])
        done.kept = kept.name if kept is not None else None
        if done.done:
            done.file = mark_synced(path).name

    def _send(self, path: Path, done: Imported) -> None:
        """Send a file, also what was still appended to it while that was being done."""
        end = 0
        while path.stat().st_size > end:
            begun = end
            for lines in _portions(lines_of(path, end)):
                self._hand_over(self._read(lines, done), done)
                end = lines[-1][1]
                if done.problem:
                    return
            if end == begun:  # nothing but empty lines
                return

    def _read(self, lines: list[tuple[Line, int]], done: Imported) -> list[tuple[Line, Record]]:
        rows = []
        for line, _ in lines:
            done.rows += 1
            try:
                rows.append((line, record_of(line.text)))
            except TelemetryError as error:
                done.refused.append(Refused(line.number, str(error), line.text))
        self._rows += len(lines)
        self._show(self._rows)
        return rows

    def _hand_over(self, rows: list[tuple[Line, Record]], done: Imported) -> None:
        try:
            handed = hand_over(self._sink, [record for _, record in rows])
        except NotTakenError as error:
            handed = error.handed
            done.problem = self._problem = str(error)
        for line, record in rows:
            if why := handed.rejected.get(record.id):
                done.refused.append(Refused(line.number, why.reason or why.code, line.text))
            elif record.id in handed.delivered:
                done.sent += 1


def _portions(lines: Iterator[tuple[Line, int]]) -> Iterator[list[tuple[Line, int]]]:
    portion = []
    for line in lines:
        portion.append(line)
        if len(portion) == _AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion
