"""Records as our own sink sends them: each read by itself, all that are sound stored at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import BaseModel, Field
from telemetry_sqlite import store_records

from telemetry_core import InvalidRecordError, Record, decode_record, json_text
from telemetry_run_service.requests.parsing import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_INVALID = "invalid_record"


class RecordIn(BaseModel):
    """One record: a moment of a run, or an event, as it stands in a line of the spool."""

    kind: str = Field(pattern="^(start_run|update_run|end_run|event)$")
    id: str
    seq: int
    time: int = Field(description="Nanoseconds since 1970.")
    body: dict[str, Any]


class RecordBatch(BaseModel):
    """Records to be stored."""

    records: list[RecordIn]


class Rejected(msgspec.Struct):
    """A record that is not stored."""

    index: int
    id: str | None
    code: str
    reason: str


class Records:
    """The records of a request, and what is wrong with those that are none."""

    def __init__(self) -> None:
        self.records: list[tuple[int, Record]] = []
        self.rejected: list[Rejected] = []

    def __len__(self) -> int:
        return len(self.records) + len(self.rejected)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Describe it as what it is read from."""
        return handler.generate_schema(RecordBatch)


class RecordsBody:
    """Reads an object with records under `records`."""

    def __init__(self, most: int) -> None:
        self._rows = Rows("records", most, bare=False)

    def read(self, raw: bytes, is_json: bool) -> Records:
        """Return the records, and each element that is none as rejected."""
        rows, _ = self._rows.split(raw, is_json)
        found = Records()
        for index, row in enumerate(rows):
            line = row if isinstance(row, bytes) else json_text(row).encode()
            try:
                found.records.append((index, decode_record(line)))
            except InvalidRecordError as error:
                found.rejected.append(Rejected(index, _id(line), _INVALID, str(error)))
        return found


def store(connection: Connection, records: Sequence[tuple[int, Record]]) -> list[Rejected]:
    """Store the records, and return those that no row can hold."""
    refused = store_records(connection, [record for _, record in records])
    return [
        Rejected(index, record.id, rejection.code, rejection.reason)
        for index, record in records
        if (rejection := refused.get(record.id))
    ]


class _Named(msgspec.Struct):
    id: str


_read_id = msgspec.json.Decoder(_Named).decode


def _id(line: bytes) -> str | None:
    try:
        return _read_id(line).id
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
