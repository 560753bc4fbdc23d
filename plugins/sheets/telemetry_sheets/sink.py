"""The sink: hands each batch of ended runs to the sheet, by the wire that the settings mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from attrs import define, field
from attrs.converters import optional

from telemetry_core import (
    Batch,
    Clock,
    ConfigError,
    Health,
    Kind,
    Receipt,
    RunRecord,
    Secret,
    SystemClock,
    TelemetryError,
    hookimpl,
)
from telemetry_sheets.address import token, web_app_url, without_query

# What speaks HTTP is imported by the worker: the class itself is imported in the program's own
# thread, when a client is built.
if TYPE_CHECKING:
    from telemetry_core import Record
    from telemetry_sheets.web_app import WebApp

_HEALTH_WITHIN = 5.0
_BAD_REQUEST = 400


@define(eq=False)
class SheetsSink:
    """Adds a row to a Google sheet for each run that ended.

    :param api_url: the web app that puts what it is posted into a sheet.
    :param api_token: what the web app wants as a token, if it wants one.
    :param form: `run` posts each run by itself, `events` those of a batch together.
    :param trust_store: a PEM file with the certificates to trust instead of the usual ones.
    :param clock: what the deadlines of batches are meant by; the core offers its own.
    """

    batch_size: ClassVar[int] = 500
    remote: ClassVar[bool] = True

    api_url: str | None = field(
        default=None,
        converter=optional(web_app_url),
        metadata={"env": ("GOOGLE_SHEETS_API_URL", "SHEETS_API_URL")},
    )
    api_token: Secret | None = field(
        default=None,
        converter=optional(token),
        metadata={"env": ("GOOGLE_SHEETS_API_TOKEN", "SHEETS_API_TOKEN", "METRICS_API_TOKEN")},
    )
    form: Literal["run", "events"] = "run"
    trust_store: Path | None = field(default=None, converter=optional(Path))
    clock: Clock = field(factory=SystemClock, repr=False)

    _url: str = field(init=False, repr=False)
    _web_app: WebApp | None = field(init=False, repr=False, default=None)
    _figures: dict[str, int] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse to be without a sheet."""
        if self.api_url is None:
            raise ConfigError(
                "sheets does not know its web app: set api_url in [plugins.sheets] or"
                " GOOGLE_SHEETS_API_URL"
            )
        self._url = self.api_url
        self._figures = {"batches": 0, "delivered": 0, "rejected": 0}

    def destination(self) -> str:
        """Return the address of the web app, without what may be a secret in it."""
        return without_query(self._url)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Send the runs of a batch that ended; for the other records there is nothing to do."""
        runs = {
            record: record.body
            for record in batch
            if record.kind is Kind.END_RUN and isinstance(record.body, RunRecord)
        }
        others = frozenset(record.id for record in batch if record not in runs)
        receipt = self._ship(runs, batch) if runs else Receipt()
        self._figures["batches"] += 1
        self._figures["delivered"] += len(receipt.delivered)
        self._figures["rejected"] += len(receipt.rejected)
        receipt.delivered |= others
        return receipt

    def _ship(self, runs: dict[Record, RunRecord], batch: Batch) -> Receipt:
        from telemetry_sheets.web_app import ship_each, ship_together

        ship = ship_together if self.form == "events" else ship_each
        return ship(self._opened(), runs, batch, self.clock)

    @hookimpl
    def check_health(self) -> Health:
        """Ask whether the web app is there."""
        from httpx import TransportError

        from telemetry_sheets.answers import explained

        details = {"url": self.destination()}
        try:
            answer = self._opened().look(self.clock.monotonic() + _HEALTH_WITHIN)
        except TransportError as error:
            message = f"it does not answer ({type(error).__name__}: {error}); check the URL"
            return Health(ok=False, message=message, details=details)
        except (TelemetryError, OSError) as error:
            return Health(ok=False, message=str(error), details=details)
        words = explained(self._url, answer) if answer.status >= _BAD_REQUEST else ""
        return Health(ok=not words, message=words, details=details)

    def close(self) -> None:
        """Close the connection."""
        web_app, self._web_app = self._web_app, None
        if web_app is not None:
            web_app.close()

    def stats(self) -> dict[str, int]:
        """Return how many runs were delivered and rejected since the sink was built."""
        return dict(self._figures)

    def _opened(self) -> WebApp:
        if self._web_app is None:
            from telemetry_sheets.web_app import WebApp

            self._web_app = WebApp(self._url, self.api_token, self.clock, self.trust_store)
        return self._web_app
