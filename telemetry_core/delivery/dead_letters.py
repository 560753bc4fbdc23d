"""Keeps what a sink will never accept, with the reason, for somebody to look at."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import asdict, define

from telemetry_core.codec import encode
from telemetry_core.errors import SpoolError
from telemetry_core.files import make_private_file, set_aside, sync_path
from telemetry_core.logs import get_logger

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from telemetry_core.clock import Clock
    from telemetry_core.records import Record

_log = get_logger("telemetry_core.dead_letters")

T = TypeVar("T")

_BUSY_SECONDS = 5.0
_LONGEST_REASON = 2000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS dead_letters (
    sink TEXT NOT NULL,
    record_id TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    lane TEXT NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (sink, record_id)
)
"""
_ADD = """
INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sink, record_id) DO UPDATE SET
    code = excluded.code, reason = excluded.reason, last_ns = excluded.last_ns,
    attempts = attempts + excluded.attempts
"""
_WHICH = """
(:sink IS NULL OR sink = :sink) AND (:code IS NULL OR code = :code)
AND (:before_ns IS NULL OR last_ns < :before_ns) AND (:since_ns IS NULL OR last_ns >= :since_ns)
AND (:beginning IS NULL OR substr(record_id, 1, length(:beginning)) = :beginning)
"""
_LIST = f"""
SELECT * FROM dead_letters WHERE {_WHICH}
ORDER BY last_ns DESC, record_id DESC, sink LIMIT :limit
"""  # noqa: S608 - nothing of it is anybody's input
_PAGE = f"""
SELECT * FROM dead_letters WHERE (sink, record_id) > (:after_sink, :after_id) AND {_WHICH}
ORDER BY sink, record_id LIMIT :limit
"""  # noqa: S608
_COUNT = f"SELECT sink, COUNT(*) FROM dead_letters WHERE {_WHICH} GROUP BY sink"  # noqa: S608
_REMOVE = "DELETE FROM dead_letters WHERE sink = ? AND record_id = ?"
_READABLE = partial(str, encoding="utf-8", errors="replace")
_LOOK = "SELECT * FROM dead_letters LIMIT 1"
PAGE_LETTERS = 500
_PAGE_BYTES = 4 << 20


@define(frozen=True)
class Selection:
    """Which letters are meant; what is not given does not matter.

    :ivar before_ns: refused for the last time before this; `since_ns`: not before this.
    :ivar beginning: how the record's id begins.
    """

    sink: str | None = None
    code: str | None = None
    before_ns: int | None = None
    since_ns: int | None = None
    beginning: str | None = None


@define
class DeadLetter:
    """A record to be kept, and why no sink will ever have it."""

    record: Record
    code: str
    reason: str
    attempts: int = 1


@define
class KeptLetter:
    """A dead letter as it is stored, column by column; `line` is the record as the spool had it."""

    sink: str
    record_id: str
    code: str
    reason: str
    attempts: int
    first_ns: int
    last_ns: int
    lane: str
    line: bytes


ALL = Selection()


class DeadLetters:
    """The dead letters of all sinks in one SQLite file, shared between processes.

    Each call opens a connection of its own and closes it, so that nothing is carried over a fork
    or between threads. A file that is no database is set aside, and a new one begun.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def add(self, sink: str, letters: Iterable[DeadLetter]) -> None:
        """Commit letters to the disk; one that is there already counts its attempts on.

        Raises `SpoolError` when they could not be kept; then none of them was.
        """
        now = self._clock.time_ns()
        rows = [_row(sink, letter, now) for letter in letters]
        self._do(lambda connection: connection.executemany(_ADD, rows), lasting=True)

    def list(self, which: Selection = ALL, limit: int = 100) -> list[KeptLetter]:
        """Return letters, the latest first."""
        rows = self._read(_LIST, {**asdict(which), "limit": limit})
        return [KeptLetter(*row) for row in rows]

    def count(self, which: Selection = ALL) -> dict[str, int]:
        """Return how many letters each sink has."""
        return dict(self._read(_COUNT, asdict(which)))

    def take(
        self,
        which: Selection,
        keep: Callable[[Sequence[KeptLetter]], object] = lambda _letters: None,
        *,
        after: tuple[str, str] = ("", ""),
        limit: int = PAGE_LETTERS,
    ) -> Sequence[KeptLetter]:
        """Hand a page of letters to `keep` and delete them once that has returned.

        Nobody else can take them meanwhile. A program that is killed in between, or a `keep` that
        raises, leaves them where they are. A page is what comes next `after` a sink and an id, not
        more than `limit` and not much more than 4 MiB.
        """
        wanted = {**asdict(which), "after_sink": after[0], "after_id": after[1], "limit": limit}

        def work(connection: sqlite3.Connection) -> Sequence[KeptLetter]:
            connection.execute("BEGIN IMMEDIATE")
            page = _page(connection.execute(_PAGE, wanted))
            keep(page)
            connection.executemany(_REMOVE, [(kept.sink, kept.record_id) for kept in page])
            return page

        return self._do(work) if self._path.exists() else ()

    def _read(self, query: str, parameters: Mapping[str, object]) -> Sequence[Any]:
        if not self._path.exists():
            return ()
        return self._do(lambda connection: connection.execute(query, parameters).fetchall())

    def _do(self, work: Callable[[sqlite3.Connection], T], *, lasting: bool = False) -> T:
        """Do something in one transaction; if the file is damaged, do it in a new one."""
        import sqlite3

        try:
            result = self._do_even_if_damaged(work)
            if lasting:  # until then a power loss brings the journal back
                sync_path(self._path.parent)
            return result
        except (sqlite3.Error, OSError) as error:
            problem = f"the dead letters in {self._path} cannot be reached: {error}"
            raise SpoolError(f"{problem}; {_remedy(error)}") from error

    def _do_even_if_damaged(self, work: Callable[[sqlite3.Connection], T]) -> T:
        import sqlite3

        try:
            return self._transact(work)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not _tells_damage(error):
                raise
        self._set_aside()
        return self._transact(work)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        import sqlite3

        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private_file(self._path)
        with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as connection, connection:
            connection.text_factory = _READABLE  # a damaged letter hides no others
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(_SCHEMA)
            return work(connection)

    def _set_aside(self) -> None:
        """Move a damaged file out of the way, unless another process did so meanwhile."""
        from filelock import FileLock

        with FileLock(f"{self._path}.lock", timeout=_BUSY_SECONDS, mode=0o600):
            if self._is_sound():
                return
            aside = set_aside(self._path)
            _log.warning("%s is damaged; it is kept as %s and a new one begun", self._path, aside)

    def _is_sound(self) -> bool:
        import sqlite3

        try:
            rows = self._transact(lambda c: c.execute("PRAGMA quick_check").fetchall())
            self._transact(lambda c: c.execute(_LOOK).fetchall())  # names may be damaged too
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not _tells_damage(error):
                raise
            return False
        return rows == [("ok",)]


def _tells_damage(error: sqlite3.DatabaseError | UnicodeDecodeError) -> bool:
    """Say whether the file is at fault; a damaged name in it damages the words of the error."""
    import sqlite3

    damage = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    return isinstance(error, UnicodeDecodeError) or _code(error) in damage


def _remedy(error: Exception) -> str:
    import sqlite3

    if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return "another program is at work on them; try again"
    return "check that the disk has room and that the file belongs to you"


def _code(error: Exception) -> int:
    """Return SQLite's primary code of an error; zero for an error that is not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _page(rows: sqlite3.Cursor) -> list[KeptLetter]:
    """Read letters until they are enough."""
    page: list[KeptLetter] = []
    size = 0
    with closing(rows):
        for row in rows:
            page.append(KeptLetter(*row))
            size += len(page[-1].line)
            if size >= _PAGE_BYTES:
                break
    return page


def _row(sink: str, letter: DeadLetter, now: int) -> tuple[object, ...]:
    record = letter.record
    line = encode(record.id, record.kind, record.seq, record.time_ns, record.body)
    reason = _storable(letter.reason)[:_LONGEST_REASON]
    lane = record.lane.value
    code = _storable(letter.code)
    return sink, _storable(record.id), code, reason, letter.attempts, now, now, lane, line


def _storable(text: str) -> str:
    """Replace what UTF-8 cannot express, which SQLite would refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")
