"""Tells a real client a story, and remembers what it heard and shipped of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_telemetry.contract.calls import Calls, Hangs
from telemetry_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry.contract.rules import Rule
    from telemetry_core import Batch, ClientHealth, FlushReport, Record, TelemetryClient

PATIENCE = 15.0  # seconds that a flush may take

STRANGE = {"nan": float("nan"), "half": "\ud800", "large": 2**100, "nul": "\0", "none": None}


class Witness:
    """A sink beside the one that is checked: it has what every sink gets."""

    name = "sink_contract_witness"

    def __init__(self) -> None:
        self.records: list[Record] = []

    @hookimpl
    def ship_batch(self, batch: Batch) -> None:
        """Remember the records."""
        self.records.extend(batch)


def tell(make_client: Callable[[], TelemetryClient], rule: Rule) -> None:
    """Tell a new client of runs and events; it is a breach of the rule when some cannot arrive."""
    calls = Calls()
    try:
        trouble = calls.make(lambda: _told(make_client()))
    except Hangs as error:
        rule.broken("the client did not come to an end", error)
    except Exception as error:
        rule.broken(f"the client raised {type(error).__name__}: {error}", error)
    finally:
        calls.end()
    if trouble:
        rule.broken(trouble)


def _told(client: TelemetryClient) -> str:
    """Return what the client says of what it could not deliver."""
    with client:
        with client.track_run("crawler", "nightly") as run:
            run.log_event("page.fetched", {"page": 1})
            run.log_event("page.strange", STRANGE)
            run.log_event("page.empty")
        client.capture("signed_up", "user-7", {"plan": "free"})
        client.capture_exception(ValueError("told to a client"))
        report = client.flush(timeout=PATIENCE)
        return "" if report else _in_words(report, client.health())


def _in_words(report: FlushReport, health: ClientHealth) -> str:
    """Return why not all arrived, sink by sink."""
    waiting = [
        f"  {name}: {sink.pending} wait, {sink.refused} refused, {sink.dropped} dropped; {sink.error}"
        for name, sink in report.sinks.items()
        if sink.pending or sink.refused or sink.dropped or sink.error
    ]
    return "\n".join([f"the client could not deliver all {health.message}".rstrip(), *waiting])
