"""The sink: hands each batch of ended runs to the sheet, by the wire that the settings mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from attrs import define, field, validators
from attrs.converters import optional

from telemetry_core import (
    Batch,
    Clock,
    ConfigError,
    CredentialError,
    Health,
    Kind,
    Receipt,
    RunRecord,
    Secret,
    SystemClock,
    TelemetryError,
    hookimpl,
)
from telemetry_sheets.address import id_of_spreadsheet, secret, token, web_app_url, without_query
from telemetry_sheets.columns import USUAL, columns_of
from telemetry_sheets.outcomes import Outcomes

# What speaks HTTP is imported by the worker: the class itself is imported in the program's own
# thread, when a client is built.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from telemetry_core import Record
    from telemetry_sheets.errors import Problem

_HEALTH_WITHIN = 10.0
_ASK_AGAIN = 300.0  # the core asks every half minute, and each question is counted by Google


class Wire(Protocol):
    """A way into a sheet."""

    def ship(self, runs: dict[Record, RunRecord], batch: Batch) -> Receipt:
        """Add the rows of these runs and say what became of each."""

    def add(self, rows: Iterable[Mapping[str, Any]], deadline: float) -> int:
        """Add rows by the names of their columns; return how many were not there yet."""

    def check(self, deadline: float, *, to_write: bool = False) -> Problem | None:
        """Return what is wrong with the way, if anything is."""

    def close(self) -> None:
        """Close the connection."""


@define(eq=False)
class SheetsSink:
    """Adds a row to a Google sheet for each run that ended.

    :param mode: `values` for the API of Google Sheets, `webapp` for a web app of one's own; by
        default the former where there is a `spreadsheet_id`.
    :param spreadsheet_id: the id of the spreadsheet, or its address in a browser.
    :param sheet: the name of the tab; by default the first one.
    :param credentials: the key file of a service account with which the spreadsheet is shared.
    :param credentials_file: where that file is, for those who do not name it in `credentials`.
    :param columns: the fields of a run in their order; the event id is always the first.
    :param weekly_sheet: the tab into which `telemetry sheets weekly` adds its rows.
    :param writes_per_minute: how many of the requests that Google allows are used at most.
    :param api_url: the web app that puts what it is posted into a sheet.
    :param api_token: what the web app wants as a token, if it wants one.
    :param form: `run` posts each run by itself, `events` those of a batch together.
    :param trust_store: a PEM file with the certificates to trust instead of the usual ones.
    :param base_url: where Google is, for tests.
    :param find_store: gives the store of runs, which is told what became of them; the core's own.
    :param clock: what the deadlines of batches are meant by; the core offers its own.
    """

    batch_size: ClassVar[int] = 500
    linger: ClassVar[float] = 1.0  # Google allows sixty writes a minute
    only: ClassVar[tuple[str, ...]] = (Kind.END_RUN.value,)
    remote: ClassVar[bool] = True

    mode: Literal["values", "webapp"] | None = None
    spreadsheet_id: str | None = field(default=None, converter=optional(id_of_spreadsheet))
    sheet: str | None = None
    credentials: Secret | None = field(default=None, converter=optional(secret))
    credentials_file: Path | None = field(
        default=None,
        converter=optional(Path),
        metadata={"env": ("GOOGLE_APPLICATION_CREDENTIALS",), "personal": True},
    )
    columns: tuple[str, ...] = field(default=USUAL, converter=columns_of)
    weekly_sheet: str = "Weekly"
    writes_per_minute: int = field(default=50, validator=validators.ge(1))
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
    base_url: str = field(default="https://sheets.googleapis.com", metadata={"personal": True})
    clock: Clock = field(factory=SystemClock, repr=False)
    find_store: Callable[[], Any] | None = field(default=None, repr=False)

    account: dict[str, Any] = field(init=False, repr=False, factory=dict)
    _wire: Wire | None = field(init=False, repr=False, default=None)
    _health: Health | None = field(init=False, repr=False, default=None)
    _ask_again_at: float = field(init=False, repr=False, default=0.0)
    _figures: dict[str, int] = field(init=False, repr=False)
    _outcomes: Outcomes = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse to be without a sheet, or without a key to it."""
        if self.uses_values:
            if self.spreadsheet_id is None:
                raise ConfigError('sheets has mode = "values" and no spreadsheet_id; set it too')
            self.account = self._read_account()
        elif self.api_url is None:
            raise ConfigError(
                "sheets does not know its sheet: set spreadsheet_id in [plugins.sheets], or for a"
                " web app api_url or GOOGLE_SHEETS_API_URL"
            )
        self._figures = {"batches": 0, "delivered": 0, "rejected": 0}
        self._outcomes = Outcomes(self.find_store, self.clock)

    @property
    def uses_values(self) -> bool:
        """Whether it calls the API of Google Sheets, and no web app."""
        return self.mode == "values" or (self.mode is None and self.spreadsheet_id is not None)

    @property
    def account_email(self) -> str:
        """The address with which the spreadsheet has to be shared; empty for a web app."""
        return str(self.account.get("client_email", ""))

    def destination(self) -> str:
        """Return what is written to: the tab, or the web app without what may be secret of it."""
        if self.uses_values:
            return f"spreadsheet {self.spreadsheet_id}, {self.sheet or 'its first tab'}"
        return without_query(self.api_url or "")

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Send the runs of a batch that ended; for other records there is nothing to do."""
        runs = {
            record: record.body
            for record in batch
            if record.kind is Kind.END_RUN and isinstance(record.body, RunRecord)
        }
        others = frozenset(record.id for record in batch if record not in runs)
        receipt = self.wire().ship(runs, batch) if runs else Receipt()
        self._figures["batches"] += 1
        self._figures["delivered"] += len(receipt.delivered)
        self._figures["rejected"] += len(receipt.rejected)
        self._outcomes.note(runs, receipt)
        receipt.delivered |= others
        return receipt

    @hookimpl
    def check_health(self) -> Health:
        """Say whether the sheet is there, as it was when last asked; nothing is written to it."""
        self._outcomes.tell()
        now = self.clock.monotonic()
        if self._health is None or now >= self._ask_again_at:
            self._health, self._ask_again_at = self._asked(now), now + _ASK_AGAIN
        return self._health

    def _asked(self, now: float) -> Health:
        details = {"sheet": self.destination()}
        try:
            problem = self.wire().check(now + _HEALTH_WITHIN)
        except (TelemetryError, OSError) as error:
            return Health(ok=False, message=str(error), details=details)
        return Health(ok=problem is None, message=problem.words if problem else "", details=details)

    def close(self) -> None:
        """Tell what is left to tell, and close the connection."""
        self._outcomes.tell()
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def stats(self) -> dict[str, int]:
        """Return how many runs were delivered and rejected since the sink was built."""
        return dict(self._figures)

    def wire(self) -> Wire:
        """Return the way into the sheet; nothing is open before its first call."""
        if self._wire is None:
            from telemetry_sheets.wires import runs_of

            self._wire = runs_of(self)
        return self._wire

    def _read_account(self) -> dict[str, Any]:
        from telemetry_sheets.authorising import account_in

        if self.credentials is not None:
            return account_in(self.credentials)
        if self.credentials_file is None:
            raise CredentialError(
                "sheets has no key: name the key file of a service account as credentials ="
                ' { file = "…" } in [plugins.sheets], or in GOOGLE_APPLICATION_CREDENTIALS'
            )
        try:
            return account_in(self.credentials_file.expanduser().read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text in UTF-8"
            raise CredentialError(f"{self.credentials_file} cannot be read: {why}") from None
