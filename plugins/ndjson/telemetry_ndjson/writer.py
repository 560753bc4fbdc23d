"""The daily files of one directory: appending to today's, reading any."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from telemetry_core import SystemClock
from telemetry_ndjson.appending import PRIVATE_FILE, append_durably, make_directory
from telemetry_ndjson.lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from telemetry_core import Clock

_FILE_NAME = re.compile(r"events_(\d{8})\.ndjson(\.gz)?")
LOCK_TIMEOUT = 10.0  # seconds; a lock is held for one write, so this means that something hangs
_LOCK_POLL = 0.005
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NDJSONWriter:
    """Writes `events_YYYYMMDD.ndjson` into a directory, together with any number of processes.

    The day is the one of writing, in UTC. Days that were compressed are read as well.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        clock: Clock | None = None,
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        self.directory = Path(directory).expanduser().absolute()
        self.clock: Clock = clock or SystemClock()
        self.lock_timeout = lock_timeout

    def append(self, record: Mapping[str, Any]) -> tuple[bool, str]:
        """Write one line and sync it; return whether that worked, and a message. Never raises."""
        try:
            path = self.write(line_of(dict(record)))
        except Exception as error:
            return False, f"[FAIL] NDJSON write error: {error}"
        return True, f"[OK] Wrote to {path.name}"

    def write(self, lines: bytes, deadline: float = math.inf) -> Path:
        """Append whole lines to today's file, all or none, and sync them; return the file.

        Raises `OSError` when the disk does not take them or another process keeps the lock.

        :param deadline: the clock's steady time after which nobody waits for the lock any more.
        """
        left = max(0.0, deadline - self.clock.monotonic())
        with self.lock(timeout=min(self.lock_timeout, left)):
            path = self._file(day_before(self.clock.time_ns(), 0))
            append_durably(path, lines)
        return path

    def read_file(self, day: str) -> list[dict[str, Any]]:
        """Return the lines of a day, given as YYYYMMDD, without those that are no JSON object.

        Raises `FileNotFoundError` when there is no file of that day.
        """
        plain = self._file(day)
        # In this order: compressing puts the packed file there before the plain one goes.
        parts = [_read(plain), _read(packed(plain))]
        if parts == [None, None]:
            raise FileNotFoundError(f"no NDJSON file of {day} in {self.directory}")
        return [values for part in reversed(parts) for values in part or ()]

    def list_files(self) -> list[Path]:
        """Return the daily files, oldest day first, a compressed one before a plain one."""
        try:
            found = [path for path in self.directory.iterdir() if day_of(path)]
        except FileNotFoundError:
            return []
        return sorted(found, key=lambda path: (day_of(path), not is_packed(path)))

    def get_file_info(self, path: str | Path) -> dict[str, Any]:
        """Return `filename`, `size_bytes`, `line_count` and `path` of a file.

        Raises `FileNotFoundError` when it does not exist.
        """
        path = Path(path)
        with _open(path) as lines:
            return {
                "filename": path.name,
                "size_bytes": path.stat().st_size,
                "line_count": sum(1 for _ in lines),
                "path": str(path),
            }

    @contextmanager
    def lock(self, name: str = ".lock", timeout: float | None = None) -> Iterator[None]:
        """Hold a lock that all who use this directory share; the directory is made if missing.

        Raises `TimeoutError` when another one holds it for that long.
        """
        from filelock import FileLock

        make_directory(self.directory)
        lock = FileLock(self.directory / name, mode=PRIVATE_FILE)
        seconds = self.lock_timeout if timeout is None else timeout
        with lock.acquire(timeout=seconds, poll_interval=_LOCK_POLL):
            yield

    def _file(self, day: str) -> Path:
        return self.directory / f"events_{day}.ndjson"


def day_before(time_ns: int, days: int) -> str:
    """Return the UTC day so many days before a time, as YYYYMMDD."""
    try:
        moment = _EPOCH + timedelta(seconds=time_ns // 1_000_000_000, days=-days)
    except OverflowError:  # a clock beyond the years 1 to 9999
        moment = _EPOCH
    return moment.date().isoformat().replace("-", "")


def day_of(path: Path) -> str:
    """Return the day of a daily file as YYYYMMDD, or nothing for any other file."""
    match = _FILE_NAME.fullmatch(path.name)
    return match[1] if match else ""


def packed(path: Path) -> Path:
    """Return where a plain file lies once it is compressed."""
    return path.with_name(f"{path.name}.gz")


def is_packed(path: Path) -> bool:
    """Tell whether a daily file is a compressed one."""
    return path.suffix == ".gz"


def _open(path: Path) -> BinaryIO:
    if not is_packed(path):
        return path.open("rb")
    import gzip

    return cast("BinaryIO", gzip.open(path, "rb"))


def _read(path: Path) -> list[dict[str, Any]] | None:
    """Return the objects of a file, or nothing when there is no such file."""
    try:
        with _open(path) as lines:
            return [values for line in lines if (values := _object(line)) is not None]
    except FileNotFoundError:
        return None


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        values = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
