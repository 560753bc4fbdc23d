"""The sink: a batch becomes lines in today's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from attrs import converters, define, field, validators

from telemetry_core import (
    Batch,
    Clock,
    ConfigError,
    Health,
    Receipt,
    SystemClock,
    get_logger,
    hookimpl,
)
from telemetry_ndjson.lines import line_of_record
from telemetry_ndjson.tidying import tidy
from telemetry_ndjson.writer import NDJSONWriter, day_before

_log = get_logger("telemetry_core.ndjson")


@define(eq=False)
class NdjsonSink:
    """Writes runs and events as JSON lines into one file a day.

    :param directory: where the files lie; without it `<base_dir>/raw`.
    :param base_dir: the core's own directory, which it offers.
    :param clock: what says which day it is; the core offers its own.
    :param compress_after_days: gzip the days that are at least that old; never without.
    :param retention_days: remove what is older than so many days before today; never without.
    """

    batch_size: ClassVar[int] = 1000
    remote: ClassVar[bool] = False

    directory: Path | None = field(
        default=None,
        converter=converters.optional(Path),
        metadata={"env": ("TELEMETRY_NDJSON_DIR",)},
    )
    base_dir: Path | None = field(default=None, converter=converters.optional(Path))
    clock: Clock = field(factory=SystemClock, repr=False)
    compress_after_days: int | None = field(
        default=None, validator=validators.optional(validators.ge(1))
    )
    retention_days: int | None = field(
        default=None, validator=validators.optional(validators.ge(1))
    )
    writer: NDJSONWriter = field(init=False, repr=False)
    _tidied: str = field(default="", init=False, repr=False)
    _figures: dict[str, int] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Settle where the files lie, before the program changes its directory."""
        if self.directory is None and self.base_dir is None:
            raise ConfigError(
                "ndjson does not know where its files are: set directory in [plugins.ndjson],"
                " TELEMETRY_NDJSON_DIR or base_dir"
            )
        directory = self.directory or Path(self.base_dir or "", "raw")
        self.writer = NDJSONWriter(directory, clock=self.clock)
        self._figures = {"batches": 0, "delivered": 0, "bytes": 0}

    def destination(self) -> str:
        """Return the directory of the files."""
        return str(self.writer.directory)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Append the batch: one lock, one write, one sync; all of it or nothing."""
        self._tidy_once_a_day()
        lines = b"".join(map(line_of_record, batch))
        self.writer.write(lines, batch.deadline)
        self._figures["batches"] += 1
        self._figures["delivered"] += len(batch)
        self._figures["bytes"] += len(lines)
        return Receipt.all(batch)

    @hookimpl
    def check_health(self) -> Health:
        """Say whether the directory can be written to."""
        self._tidy_once_a_day()
        try:
            with self.writer.lock():
                files = len(self.writer.list_files())
        except OSError as error:
            return Health(ok=False, message=str(error))
        if not os.access(self.writer.directory, os.W_OK):
            return Health(ok=False, message=f"{self.writer.directory} is not writable")
        return Health(ok=True, message=f"{files} daily {'file' if files == 1 else 'files'}")

    def stats(self) -> dict[str, int]:
        """Return how much was delivered since the sink was built."""
        return dict(self._figures)

    def _tidy_once_a_day(self) -> None:
        today = day_before(self.clock.time_ns(), 0)
        if self._tidied == today or self.compress_after_days is self.retention_days is None:
            return
        self._tidied = today
        try:
            tidy(self.writer, self.compress_after_days, self.retention_days)
        except TimeoutError:  # another process is at it
            return
        except OSError as error:
            _log.warning("ndjson could not tidy its past days; they stay as they are: %s", error)
