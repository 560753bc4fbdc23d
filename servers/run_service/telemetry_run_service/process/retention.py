"""Looks once a day for runs that are older than they are kept, and deletes them if that was said."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Self

from telemetry_core import Bell
from telemetry_run_service.logs.log import LOGGER

if TYPE_CHECKING:
    from types import TracebackType

    from telemetry_sqlite.care.ageing import Tally

    from telemetry_run_service.settings.settings import ServiceSettings

_DAY = 86_400
_NS = 1_000_000_000
_PATIENCE = 10.0  # seconds for what is being deleted; what is left is left for the next time


class _StoppedError(Exception):
    """The service ends: what was deleted is deleted."""


class Retention:
    """A thread that sweeps at once and then daily, while the `with` block runs; none without days."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._clock = settings.clock
        self._bell = Bell()
        self._stopping = False
        self._thread = threading.Thread(
            target=self._run, name="telemetry-run-service-retention", daemon=True
        )

    def __enter__(self) -> Self:
        if self._settings.retention_days is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping = True
        self._bell.ring()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._sweep(self._settings.retention_days or 0)
            except _StoppedError:
                return
            except Exception as error:
                LOGGER.log(logging.ERROR, "old runs cannot be swept: %s", error)
            self._clock.wait(self._bell, _DAY)

    def _sweep(self, days: int) -> None:
        from telemetry_sqlite.care.ageing import Tally, survey
        from telemetry_sqlite.care.retention import sweep

        path = self._settings.db_path
        before_ns = self._clock.time_ns() - days * _DAY * _NS
        if self._settings.retention_dry_run:
            self._tell("would be deleted", days, survey(path, before_ns, self._going_on))
            return
        deleted = Tally()
        try:
            sweep(path, before_ns, deleted, self._going_on)
        except Exception:
            if deleted.rows:
                self._tell("deleted, not all of them", days, deleted)
            raise
        self._tell("deleted", days, deleted)

    def _going_on(self, *_: int) -> None:
        if self._stopping:
            raise _StoppedError

    def _tell(self, what: str, days: int, tally: Tally) -> None:
        facts = {
            "days": days,
            "dry_run": self._settings.retention_dry_run,
            "runs": tally.runs.total(),
            "events": tally.events + tally.loose_events,
        }
        LOGGER.info("Old runs %s", what, extra={"facts": facts})
