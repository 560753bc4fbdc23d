"""The programs of `telemetry demo`: what an agent of yours could look like, one function each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from attrs import evolve

from telemetry_core.client import TelemetryClient
from telemetry_core.config import load_config

if TYPE_CHECKING:
    from telemetry_core.config import TelemetryConfig

PAGES = ("index", "about", "contact")
ORDERS = 50
KILLED_AT = 12
BREAKS_AT = 4
TRANSLATIONS = 6
_NEVER = 3_600.0


def crawler(config: TelemetryConfig) -> None:
    """Crawl some pages: a run, and in it one of its own for each page."""
    with TelemetryClient(config) as client, client.track_run("crawler", "nightly") as night:
        for page in PAGES:
            with client.track_run("crawler", "fetch_page", source_ref=page) as run:
                run.log_event("page_fetched", {"page": page, "status": 200})
                run.set_metrics(items_discovered=1, items_succeeded=1)
        night.set_metrics(items_discovered=len(PAGES), items_succeeded=len(PAGES))


def translator(config: TelemetryConfig) -> None:
    """Translate some documents; from one of them on, the dictionary is gone."""
    with TelemetryClient(config) as client:
        for number in range(1, TRANSLATIONS + 1):
            try:
                with client.track_run("translator", "translate", "scheduler") as run:
                    run.log_event("dictionary_opened", {"document": number})
                    if number >= BREAKS_AT:
                        run.set_metrics(items_failed=1)
                        raise FileNotFoundError("dictionary-en-de.db was moved away")
                    run.set_metrics(items_succeeded=1)
            except FileNotFoundError:
                continue


def importer(config: TelemetryConfig) -> None:
    """Import orders until somebody kills us; only that we began was delivered by then."""
    patient = evolve(config, delivery=evolve(config.delivery, linger=_NEVER))
    client = TelemetryClient(patient)
    run_id = client.start_run("importer", "import_orders", items_discovered=ORDERS)
    client.flush()
    for order in range(KILLED_AT):
        client.log_event(run_id, "order_imported", {"order": order})
    print(KILLED_AT, flush=True)
    sys.stdin.readline()  # what comes instead of an answer is SIGKILL


if __name__ == "__main__":
    {"crawler": crawler, "translator": translator, "importer": importer}[sys.argv[1]](
        load_config(sys.argv[2], environ={})
    )
