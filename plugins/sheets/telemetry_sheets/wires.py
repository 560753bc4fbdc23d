"""Builds the ways into a sheet that the settings of a sink mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_sheets.pace import Pace
from telemetry_sheets.sheet import Sheet
from telemetry_sheets.values_api import ValuesApi
from telemetry_sheets.web_app import WebApp
from telemetry_sheets.weekly import COLUMNS
from telemetry_sheets.words import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_sheets.sink import SheetsSink, Wire


def runs_of(sink: SheetsSink) -> Wire:
    """Return the way for the rows of runs."""
    if not sink.uses_values:
        return _web_app(sink)
    return _tab(sink, sink.sheet, "sheet", sink.columns)


def weeks_of(sink: SheetsSink) -> Wire:
    """Return the way for the rows of weeks."""
    if not sink.uses_values:
        return _web_app(sink)
    return _tab(sink, sink.weekly_sheet, "weekly_sheet", COLUMNS)


def _tab(sink: SheetsSink, name: str | None, setting: str, columns: Sequence[str]) -> Sheet:
    assert sink.spreadsheet_id is not None
    place = Place(sink.account_email, sink.spreadsheet_id, name, setting)
    api = ValuesApi(sink.account, place, sink.clock, sink.base_url, sink.trust_store)
    return Sheet(api, columns, Pace(sink.writes_per_minute, sink.clock), sink.clock)


def _web_app(sink: SheetsSink) -> WebApp:
    assert sink.api_url is not None
    return WebApp(sink.api_url, sink.api_token, sink.clock, sink.trust_store, form=sink.form)
