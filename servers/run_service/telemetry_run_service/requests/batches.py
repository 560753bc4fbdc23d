"""Batches of runs: each row read by itself, so that what is wrong with one keeps no other out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from telemetry_run_service.answers.problems import RefusedError, said_of
from telemetry_run_service.requests.models import RunBatch, TelemetryRun
from telemetry_run_service.requests.parsing import Rows, lenient, says_malformed

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from telemetry_core import RunRecord


class Batch:
    """The rows of a request: the runs that can be stored, and what is wrong with the others."""

    def __init__(self, runs: list[RunRecord], errors: list[str], *, wrapped: bool) -> None:
        self.runs = runs
        self.errors = errors
        self.wrapped = wrapped

    def __len__(self) -> int:
        return len(self.runs) + len(self.errors)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Describe it as what it is read from."""
        return handler.generate_schema(list[TelemetryRun] | RunBatch)


class BatchBody:
    """Reads a batch: a list of runs, or an object with that list under `runs`."""

    def __init__(self, most: int) -> None:
        self._rows = Rows("runs", most, bare=True)

    def read(self, raw: bytes, is_json: bool) -> Batch:
        """Return the runs, and for each row that is none what is wrong with it."""
        rows, wrapped = self._rows.split(raw, is_json)
        batch = Batch([], [], wrapped=wrapped)
        for index, row in enumerate(rows):
            try:
                batch.runs.append(_run(row))
            except (ValidationError, RefusedError) as error:
                batch.errors.append(f"{_name(row, index)}: {_told(error)}")
        return batch


def _run(row: Any) -> RunRecord:
    if not isinstance(row, bytes):
        return TelemetryRun.model_validate(row).record()
    try:
        return TelemetryRun.model_validate_json(row).record()
    except ValidationError as error:
        if not says_malformed(error):
            raise
    return TelemetryRun.model_validate(lenient(row)).record()


def _name(row: Any, index: int) -> str:
    """Return what tells a row from the others: its event id, or its place."""
    try:
        value = lenient(row) if isinstance(row, bytes) else row
    except RefusedError:
        value = None
    event_id = value.get("event_id") if isinstance(value, dict) else None
    return event_id if isinstance(event_id, str) and event_id else f"row {index}"


def _told(error: ValidationError | RefusedError) -> str:
    return said_of(error) if isinstance(error, ValidationError) else "this is no JSON"
