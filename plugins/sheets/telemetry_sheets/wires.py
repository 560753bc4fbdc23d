"""Builds the way into a sheet that the settings of a sink mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_sheets.pace import Pace
from telemetry_sheets.sheet import Sheet
from telemetry_sheets.values_api import ValuesApi
from telemetry_sheets.web_app import WebApp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_sheets.sink import SheetsSink


def sheet_of(sink: SheetsSink, account: Mapping[str, Any]) -> Sheet:
    """Return the tab that a sink writes to."""
    assert sink.spreadsheet_id is not None
    api = ValuesApi(
        account, sink.spreadsheet_id, sink.sheet, sink.clock, sink.base_url, sink.trust_store
    )
    return Sheet(api, sink.columns, Pace(sink.writes_per_minute, sink.clock), sink.clock)


def web_app_of(sink: SheetsSink) -> WebApp:
    """Return the web app that a sink posts to."""
    assert sink.api_url is not None
    return WebApp(sink.api_url, sink.api_token, sink.clock, sink.trust_store, form=sink.form)
