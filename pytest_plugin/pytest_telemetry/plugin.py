"""The fixtures that pytest finds, each importing what it needs only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_telemetry.clock import FakeClock


@pytest.fixture
def telemetry_clock() -> FakeClock:
    """Return a clock that stands still until the test advances it."""
    from pytest_telemetry.clock import FakeClock

    return FakeClock()
