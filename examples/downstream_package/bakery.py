"""A bakery: reads its prices from a Google sheet, and says what it sells and what it burns."""

import httpx

import telemetry_core

SHEETS = "https://sheets.googleapis.com"


class PricesError(Exception):
    """The prices cannot be read; the message says what to do."""


def read_prices(token: str, spreadsheet_id: str, base_url: str = SHEETS) -> dict[str, int]:
    """Return the cents that each kind of bread costs, by the tab `Prices`."""
    answer = httpx.get(
        f"{base_url}/v4/spreadsheets/{spreadsheet_id}/values/Prices!A2:B",
        params={"valueRenderOption": "UNFORMATTED_VALUE"},
        headers={"authorization": f"Bearer {token}"},
    )
    if answer.status_code == httpx.codes.FORBIDDEN:
        raise PricesError("share the spreadsheet with the bakery's account")
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise PricesError("the prices were read too often; wait for a minute")
    return dict(answer.raise_for_status().json().get("values", []))


def bake(orders: list[tuple[str, str]], prices: dict[str, int]) -> int:
    """Bake what customers ordered; return the cents that were earned."""
    earned = burnt = 0
    with telemetry_core.track_run("bakery", "morning") as run:
        for customer, bread in orders:
            try:
                earned += _baked(customer, bread, prices)
            except KeyError as error:
                telemetry_core.capture_exception(error, customer)
                burnt += 1
        run.set_metrics(items_succeeded=len(orders) - burnt, items_failed=burnt)
    return earned


def _baked(customer: str, bread: str, prices: dict[str, int]) -> int:
    cents = prices[bread]
    telemetry_core.capture("bread_sold", customer, {"bread": bread, "cents": cents})
    return cents
