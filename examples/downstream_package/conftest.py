"""The two services that the bakery talks to, each a fake on a port of this machine."""

from typing import Any

import pytest
from pytest_telemetry import PostHogServer, SheetsServer


@pytest.fixture
def telemetry_settings(
    telemetry_posthog_server: PostHogServer, telemetry_sheets_server: SheetsServer
) -> dict[str, Any]:
    """Return what stands in telemetry.toml, with the addresses of the fakes."""
    url = telemetry_sheets_server.web_app_url
    return {
        "active": ["posthog", "sheets"],
        "plugins": {
            "posthog": {"api_key": "phc_key", "host": telemetry_posthog_server.url},
            "sheets": {"api_url": url, "form": "events"},
        },
    }
