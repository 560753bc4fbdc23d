"""Writes rows as CSV, NDJSON or Parquet, some at a time."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from telemetry_core import (
    COUNT_FIELDS,
    TIME_FIELDS,
    TelemetryError,
    json_text,
    parse_iso8601,
)
from telemetry_sqlite.rows import EVENT_COLUMNS, ROW_COLUMNS, RUN_COLUMNS, parse_in_place, run_dict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_sqlite.care.exporting import Rows

COLUMNS = {"runs": RUN_COLUMNS, "events": EVENT_COLUMNS}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBERS = {*COUNT_FIELDS, "schema_version", "revision"}
_TIMES = {*TIME_FIELDS, "timestamp"}
_FLAGS = {"api_posted", "inferred"}
_GROUP = 20_000


class MissingPyarrowError(TelemetryError):
    """Parquet was asked for, and what writes it is not installed."""


class Format(Protocol):
    """What writes rows of one kind, `runs` or `events`, into an open file."""

    def __init__(self, file: BinaryIO, kind: str) -> None: ...

    def write(self, rows: Rows) -> None:
        """Write some rows."""

    def finish(self) -> None:
        """Write what is still to be written; the file stays open."""


class Csv:
    """RFC 4180 with a row of names, safe to open in a spreadsheet.

    Text that a spreadsheet would take for a formula is given an apostrophe in front.
    """

    def __init__(self, file: BinaryIO, kind: str) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._text)
        self._writer.writerow(COLUMNS[kind])

    def write(self, rows: Rows) -> None:
        """Write some rows."""
        self._writer.writerows([_harmless(value) for value in row] for row in rows)

    def finish(self) -> None:
        """Write the rest of the text."""
        self._text.flush()
        self._text.detach()


class Ndjson:
    """The lines that our ndjson sink writes, and that `telemetry db rebuild` reads."""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        self._file = file
        self._line = _run_line if kind == "runs" else _event_line

    def write(self, rows: Rows) -> None:
        """Write some rows as lines."""
        self._file.write("".join(f"{json_text(self._line(row))}\n" for row in rows).encode())

    def finish(self) -> None:
        """Nothing is left to be written."""


class Parquet:
    """Typed columns: numbers, booleans, times in UTC; what is no time is null, JSON is text."""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise MissingPyarrowError("Parquet needs pyarrow: pip install pyarrow") from error
        self._arrow = pa
        types = {"number": pa.int64(), "flag": pa.bool_(), "text": pa.string()}
        types["time"] = pa.timestamp("us", "UTC")
        self._schema = pa.schema([(name, types[_type(name)]) for name in COLUMNS[kind]])
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._waiting: Rows = []

    def write(self, rows: Rows) -> None:
        """Keep rows until there are enough for a group."""
        self._waiting += rows
        if len(self._waiting) >= _GROUP:
            self._write_group()

    def finish(self) -> None:
        """Write the last group and what stands at the end of such a file."""
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        columns = list(zip(*self._waiting, strict=True)) or [()] * len(self._schema.names)
        arrays = [
            self._arrow.array(
                [_typed(name, value) for value in values], self._schema.field(name).type
            )
            for name, values in zip(self._schema.names, columns, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._waiting = []


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _run_line(row: Sequence[Any]) -> dict[str, Any]:
    given = {"id": None, **dict(zip(RUN_COLUMNS, row, strict=True))}
    run = run_dict(given[name] for name in ROW_COLUMNS)
    return {**{name: run[name] for name in RUN_COLUMNS}, "record_type": "run"}


def _event_line(row: Sequence[Any]) -> dict[str, Any]:
    event = dict(zip(EVENT_COLUMNS, row, strict=True))
    parse_in_place(event, "context_json")
    context = event.pop("context_json")
    return {"id": None, **event, "context": context, "record_type": "event"}


def _type(name: str) -> str:
    for kind, names in (("number", _NUMBERS), ("flag", _FLAGS), ("time", _TIMES)):
        if name in names:
            return kind
    return "text"


def _typed(name: str, value: Any) -> Any:
    """Return a value as its column's type has it; nothing where it has none."""
    kind = _type(name)
    if value is None or kind == "flag":
        return None if value is None else bool(value)
    if kind == "number":
        return value if isinstance(value, int) else None
    return _microseconds(value) if kind == "time" else str(value)


def _microseconds(value: Any) -> int | None:
    try:
        return parse_iso8601(str(value)) // 1000
    except (ValueError, OverflowError):
        return None


FORMATS: dict[str, type[Format]] = {"csv": Csv, "ndjson": Ndjson, "parquet": Parquet}
