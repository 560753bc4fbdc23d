"""The sink: hands each batch to the database, on the worker's thread."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field
from attrs.converters import optional

from telemetry_core import ConfigError, Health, Receipt, SystemClock, TelemetryError, hookimpl
from telemetry_sqlite.forking import WORK

# What touches SQLite is imported by the worker: the class itself is imported in the program's
# own thread, when a client is built.
if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core import Batch, Clock, Finding
    from telemetry_sqlite.database import Database
    from telemetry_sqlite.queries import RunQueries


@define(eq=False)
class SqliteSink:
    """Keeps runs and events in one SQLite database.

    :param db_path: the file; without it `<base_dir>/db/telemetry.sqlite`.
    :param base_dir: the core's own directory, which it offers.
    :param clock: what the deadlines of batches are meant by; the core offers its own.
    """

    batch_size: ClassVar[int] = 500
    remote: ClassVar[bool] = False

    db_path: Path | None = field(
        default=None,
        converter=optional(Path),
        metadata={"env": ("TELEMETRY_DB_PATH",)},
    )
    base_dir: Path | None = field(default=None, converter=optional(Path))
    clock: Clock = field(factory=SystemClock, repr=False)

    _path: str = field(init=False, repr=False)
    _database: Database | None = field(init=False, repr=False, default=None)
    _figures: dict[str, int] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Settle where the file is, before the program changes its directory."""
        if self.db_path is None and self.base_dir is None:
            raise ConfigError(
                "sqlite does not know where its database is: set db_path in [plugins.sqlite],"
                " TELEMETRY_DB_PATH or base_dir"
            )
        path = self.db_path or Path(self.base_dir or "", "db", "telemetry.sqlite")
        self._path = os.path.abspath(path.expanduser())
        WORK.refuse_inherited(self._path)
        self._figures = {"batches": 0, "delivered": 0, "rejected": 0}

    def destination(self) -> str:
        """Return the path of the database."""
        return self._path

    def runs_store(self) -> RunQueries:
        """Return what reads the database; for any thread, whether or not the sink has written."""
        from telemetry_sqlite.queries import RunQueries

        return RunQueries(self._path)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Write the batch in one transaction and say which records no row can hold."""
        from telemetry_sqlite.store import store_records

        rejected = self._opened().write(
            lambda connection: store_records(connection, batch.records), batch.deadline
        )
        delivered = frozenset(record.id for record in batch if record.id not in rejected)
        self._figures["batches"] += 1
        self._figures["delivered"] += len(delivered)
        self._figures["rejected"] += len(rejected)
        return Receipt(delivered=delivered, rejected=rejected)

    @hookimpl
    def check_health(self) -> Health:
        """Say whether the database can be read, how large it is, and what was set aside."""
        from telemetry_sqlite.damage import files_set_aside
        from telemetry_sqlite.database import reading

        aside = files_set_aside(self._path)
        details: dict[str, Any] = {"path": self._path, "set_aside": aside}
        try:
            with reading(self._path) as connection:
                begun = connection is not None
            details["bytes"] = os.path.getsize(self._path) if begun else 0
        except (TelemetryError, OSError) as error:
            return Health(ok=False, message=str(error), details=details)
        if aside:
            message = f"{len(aside)} damaged database(s) lie beside it, the last one {aside[-1]}"
            return Health(ok=True, message=message, details=details)
        return Health(ok=True, message="" if begun else "nothing written yet", details=details)

    def findings(self) -> Iterator[Finding]:
        """Give what a short look at the database finds, whatever its size."""
        from telemetry_sqlite.care.inspection import glance

        return glance(self._path)

    def close(self) -> None:
        """Close the connection."""
        if self._database is not None:
            self._database.close()

    def stats(self) -> dict[str, int]:
        """Return how much was delivered and rejected since the sink was built."""
        return dict(self._figures)

    def _opened(self) -> Database:
        if self._database is None:
            from telemetry_sqlite.database import Database

            self._database = Database(self._path, self.clock)
        return self._database
