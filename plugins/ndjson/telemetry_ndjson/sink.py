"""The sink: a batch becomes lines in today's file."""

from __future__ import annotations

import logging
import os
from pathlib import Path  # noqa: TC003 - the core reads the types of the fields
from typing import ClassVar

from attrs import define, field
from attrs.validators import ge, optional

from telemetry_core import Batch, Clock, ConfigError, Health, Receipt, SystemClock, hookimpl
from telemetry_ndjson.lines import line_of_record
from telemetry_ndjson.tidying import tidy
from telemetry_ndjson.writer import NDJSONWriter, day_before

_log = logging.getLogger("telemetry_core.ndjson")


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

    directory: Path | None = field(default=None, metadata={"env": ("TELEMETRY_NDJSON_DIR",)})
    base_dir: Path | None = None
    clock: Clock = field(factory=SystemClock, repr=False)
    compress_after_days: int | None = field(default=None, validator=optional(ge(1)))
    retention_days: int | None = field(default=None, validator=optional(ge(1)))
    writer: NDJSONWriter = field(init=False, repr=False)
    _tidied: str = field(default="", init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Settle where the files lie, without touching the disk."""
        if self.directory is not None:
            self.writer = NDJSONWriter(self.directory, clock=self.clock)
        elif self.base_dir is not None:
            self.writer = NDJSONWriter(self.base_dir / "raw", clock=self.clock)
        else:
            raise ConfigError("ndjson does not know where to write; set `directory`")

    def destination(self) -> str:
        """Return the directory of the files."""
        return str(self.writer.directory)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Append the batch: one lock, one write, one sync; all of it or nothing."""
        self._tidy_once_a_day()
        self.writer.write(b"".join(map(line_of_record, batch)))
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
        return Health(ok=True, message=f"{files} daily files")

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
