"""Finds NDJSON files and gives their lines, whatever state the files are in."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from telemetry_core import TelemetryError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

_DAILY = re.compile(r"events_\d{8}\.ndjson(\.gz)?")
_PACKED = ".gz"
_CHUNK = 1 << 20
LONGEST_LINE = 64 << 20  # what is longer is passed over, so that no file can fill the memory


class NoFilesError(TelemetryError):
    """There is nothing to rebuild a database from."""


class Line(NamedTuple):
    """One line and where it stands; without its text, when there is a reason to pass over it.

    :ivar broken: it is no line, but the place where the file cannot be read any further.
    """

    place: str
    text: bytes = b""
    problem: str = ""
    broken: bool = False


def find_files(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the files that are named, and the daily ones of the directories, the oldest first.

    Raises `NoFilesError` when there are none.
    """
    named = [Path(source).expanduser().absolute() for source in sources]
    found = [path for source in named for path in (_daily(source) if source.is_dir() else [source])]
    missing = [str(path) for path in found if not path.exists()]
    if missing or not found:
        what = missing[0] if missing else f"events_YYYYMMDD.ndjson in {named[0]}"
        raise NoFilesError(f"there is no {what}; say where the NDJSON files are: --from PATH")
    return found


def lines_of(
    path: Path, read: Callable[[int], object], longest: int = LONGEST_LINE
) -> Iterator[Line]:
    """Give each line of a file that is not empty, and a problem where something keeps us from it.

    A file that breaks off or cannot be read is a problem too, the last one it gives. The lines
    of one that is compressed meanwhile are read from the compressed one.

    :param read: is told the bytes of the file that were read since it was last told.
    """
    place = str(path)
    try:
        path = _present(path)
        with path.open("rb") as raw:
            lines = gzip.GzipFile(fileobj=raw) if path.suffix == _PACKED else raw
            before = 0
            for line in _lines(cast("BinaryIO", lines), path, longest):
                yield line
                if (now := raw.tell()) != before:
                    read(now - before)
                    before = now
    except (OSError, EOFError, zlib.error) as error:
        yield Line(place, problem=str(error), broken=True)


def _daily(directory: Path) -> list[Path]:
    """Return the daily files of a directory; a day's compressed part was written before the plain."""
    found = [path for path in directory.iterdir() if _DAILY.fullmatch(path.name)]
    return sorted(found, key=lambda path: (path.name.partition(".")[0], path.suffix != _PACKED))


def _present(path: Path) -> Path:
    packed = path.with_name(path.name + _PACKED)
    return packed if not path.exists() and packed.exists() else path


def _lines(file: BinaryIO, path: Path, longest: int) -> Iterator[Line]:
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        place = f"{path}:{number}"
        if len(line) > longest and not line.endswith(b"\n"):
            _skip_to_line_feed(file)
            yield Line(place, problem=f"it is longer than {longest >> 20} MiB")
        elif text := line.strip():
            yield Line(place, text)


def _skip_to_line_feed(file: BinaryIO) -> None:
    while (part := file.readline(_CHUNK)) and not part.endswith(b"\n"):
        pass
