"""What the bakery tells PostHog and writes into its sheet, and that an outage costs neither."""

import pytest
from bakery import bake
from pytest_telemetry import PostHogServer, SheetsServer

from telemetry_core import TelemetryClient

PRICES = {"rye": 350, "roll": 60}

pytestmark = pytest.mark.telemetry(live=True)  # the sinks themselves, not mocks in their places


def test_what_was_sold_is_an_event_of_the_customer(
    telemetry_client: TelemetryClient, telemetry_posthog_server: PostHogServer
) -> None:
    assert bake([("ada", "rye"), ("bob", "roll")], PRICES) == 410
    assert telemetry_client.flush()
    sold = telemetry_posthog_server.assert_event("bread_sold", bread="rye", cents=350)
    assert sold["distinct_id"] == "ada"
    telemetry_posthog_server.assert_no_event("$exception")


def test_a_bread_that_nobody_bakes_is_an_issue(
    telemetry_client: TelemetryClient, telemetry_posthog_server: PostHogServer
) -> None:
    assert bake([("ada", "cake")], PRICES) == 0
    assert telemetry_client.flush()
    (issue,) = telemetry_posthog_server.issues
    assert issue.type == "KeyError"


def test_each_morning_is_a_row(
    telemetry_client: TelemetryClient, telemetry_sheets_server: SheetsServer
) -> None:
    bake([("ada", "rye"), ("bob", "cake")], PRICES)
    assert telemetry_client.flush()
    telemetry_sheets_server.assert_row(
        agent_name="bakery", status="success", items_succeeded=1, items_failed=1
    )


def test_while_posthog_is_down_the_sheet_is_written_and_nothing_is_lost(
    telemetry_client: TelemetryClient,
    telemetry_posthog_server: PostHogServer,
    telemetry_sheets_server: SheetsServer,
) -> None:
    telemetry_posthog_server.down()
    bake([("ada", "rye")], PRICES)
    assert not telemetry_client.flush()
    assert len(telemetry_sheets_server.rows) == 1
    telemetry_posthog_server.up()
    assert telemetry_client.flush()
    telemetry_posthog_server.assert_event("bread_sold", bread="rye")
    assert len(telemetry_sheets_server.rows) == 1


def test_an_answer_that_is_lost_brings_no_event_twice(
    telemetry_client: TelemetryClient, telemetry_posthog_server: PostHogServer
) -> None:
    telemetry_posthog_server.lose_reply(times=1)
    bake([("ada", "rye")], PRICES)
    telemetry_client.flush()
    assert telemetry_client.flush()
    assert telemetry_posthog_server.duplicates > 0
    sold = [event for event in telemetry_posthog_server.events if event["event"] == "bread_sold"]
    assert len(sold) == 1
