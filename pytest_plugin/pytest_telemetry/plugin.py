"""The marker and the fixtures, each importing what it needs only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Literal

    from pytest_telemetry.clock import FakeClock
    from pytest_telemetry.ids import CountingIds
    from pytest_telemetry.recorder import Recorder
    from telemetry_core import TelemetryClient, TelemetryConfig


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        'telemetry(active=[], on_error="raise"): the sinks besides the recorder that '
        "telemetry_client has, and whether it raises what it would log in production.",
    )


@pytest.fixture
def telemetry_clock() -> FakeClock:
    """Return a clock that stands still until the test advances it."""
    from pytest_telemetry.clock import FakeClock

    return FakeClock()


@pytest.fixture
def telemetry_ids() -> CountingIds:
    """Return a source of ids that counts from one."""
    from pytest_telemetry.ids import CountingIds

    return CountingIds()


@pytest.fixture
def telemetry_recorder() -> Recorder:
    """Return a plugin that remembers what it hears, and of which expected things are asserted."""
    from pytest_telemetry.recorder import Recorder

    return Recorder()


@pytest.fixture
def telemetry_config(request: pytest.FixtureRequest, tmp_path: Path) -> TelemetryConfig:
    """Return the settings of `telemetry_client`: a temporary directory, and what the marker says."""
    marker = request.node.get_closest_marker("telemetry") or pytest.mark.telemetry.mark
    return _config(tmp_path / "telemetry", *marker.args, **marker.kwargs)


def _config(
    base_dir: Path, active: Sequence[str] = (), on_error: Literal["log", "raise"] = "raise"
) -> TelemetryConfig:
    from telemetry_core import load_config

    # An environment of its own: the variables of whoever runs the tests lead to real data.
    environ = {"TELEMETRY_BASE_DIR": str(base_dir), "TELEMETRY_ON_ERROR": on_error}
    config = load_config(environ=environ)
    config.active = tuple(active)
    return config


@pytest.fixture
def telemetry_client(
    telemetry_config: TelemetryConfig,
    telemetry_recorder: Recorder,
    telemetry_clock: FakeClock,
    telemetry_ids: CountingIds,
) -> Iterator[TelemetryClient]:
    """Return a client on the recorder, the clock and a temporary spool, closed after the test."""
    from telemetry_core import TelemetryClient

    client = TelemetryClient(
        telemetry_config, plugins=[telemetry_recorder], clock=telemetry_clock, ids=telemetry_ids
    )
    yield client
    client.close()
