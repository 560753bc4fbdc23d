"""How the bakery reads its prices, without any sink of telemetry in between."""

import pytest
from bakery import PricesError, read_prices
from pytest_telemetry import FakeClock, SheetsServer


@pytest.fixture(autouse=True)
def prices(telemetry_sheets_server: SheetsServer) -> None:
    tab = telemetry_sheets_server.add_tab("Prices")
    tab.write(0, 0, [["bread", "cents"], ["rye", 350], ["roll", 60]])


def read(server: SheetsServer) -> dict[str, int]:
    return read_prices(server.access_token(), server.spreadsheet_id, server.url)


def test_prices_stand_below_their_header(telemetry_sheets_server: SheetsServer) -> None:
    assert read(telemetry_sheets_server) == {"rye": 350, "roll": 60}


def test_a_sheet_that_is_not_shared_is_said_to_be_so(telemetry_sheets_server: SheetsServer) -> None:
    telemetry_sheets_server.unshare()
    with pytest.raises(PricesError, match="share the spreadsheet"):
        read(telemetry_sheets_server)


def test_who_reads_too_often_waits_for_a_minute(
    telemetry_sheets_server: SheetsServer, telemetry_clock: FakeClock
) -> None:
    telemetry_sheets_server.quota.per_user = 1
    read(telemetry_sheets_server)
    with pytest.raises(PricesError, match="wait for a minute"):
        read(telemetry_sheets_server)
    telemetry_clock.advance(60)
    assert read(telemetry_sheets_server)["rye"] == 350
