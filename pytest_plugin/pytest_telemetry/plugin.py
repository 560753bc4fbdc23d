"""The marker and the fixtures, each importing what it needs only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry import safety

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path
    from typing import Literal

    from pytest_telemetry.clock import FakeClock
    from pytest_telemetry.ids import CountingIds
    from pytest_telemetry.recorder import Recorder
    from pytest_telemetry.servers.http import HttpServer
    from pytest_telemetry.servers.ingest.server import IngestServer
    from pytest_telemetry.servers.posthog.server import PostHogServer
    from pytest_telemetry.servers.raxe.server import RaxeServer
    from pytest_telemetry.servers.runs.server import RunsServer
    from pytest_telemetry.servers.sheets.server import SheetsServer
    from telemetry_core import TelemetryClient, TelemetryConfig


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Make the session safe before a conftest imports the program."""
    safety.begin(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known; and the session safe, where a conftest has loaded this plugin."""
    safety.begin(config)
    config.addinivalue_line(
        "markers",
        'telemetry(active=[], on_error="raise", live=False): the sinks besides the recorder that '
        "telemetry_client has, whether it raises what it would log in production, and whether "
        "sinks that leave the machine really do.",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand on to a process of xdist what it cannot see."""
    safety.tell_worker(node.config, node.workerinput)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that nobody can read, also where no fixture asks for it."""
    try:
        _wishes(item)
    except TypeError as error:
        raise pytest.fail.Exception(f"@pytest.mark.{error}", pytrace=False) from None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let remote sinks ship during a test that says `live`, its fixtures included."""
    marker = item.get_closest_marker("telemetry")
    if marker is None or marker.kwargs.get("live") is not True:
        return (yield)
    with safety.live(item.config):
        return (yield)


def _wishes(item: pytest.Item) -> dict[str, Any]:
    """Return the settings that the marker states; raises `TypeError` for anything else."""
    marker = item.get_closest_marker("telemetry")
    return telemetry(*marker.args, **marker.kwargs) if marker else {}


def telemetry(
    active: Sequence[str] | None = None,
    on_error: Literal["log", "raise"] | None = None,
    *,
    live: bool = False,
) -> dict[str, Any]:
    """Read the marker as what it is, a call: its errors are those of a call of this name."""
    if not isinstance(live, bool):
        raise TypeError(f"telemetry(live={live!r}): live is True or False")
    if isinstance(active, str):
        raise TypeError(f"telemetry(active={active!r}): write active=[{active!r}]")
    wishes = {"active": active if active is None else tuple(active), "on_error": on_error}
    return {name: wish for name, wish in wishes.items() if wish is not None}


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
def telemetry_settings() -> dict[str, Any]:
    """Return what a `telemetry.toml` would say; override it to give sinks their tables."""
    return {}


@pytest.fixture
def telemetry_config(
    request: pytest.FixtureRequest, tmp_path: Path, telemetry_settings: dict[str, Any]
) -> TelemetryConfig:
    """Return the settings of `telemetry_client`: a temporary directory, and what the marker says."""
    from pytest_telemetry.configuring import configured
    from telemetry_core import ConfigError

    try:
        return configured(tmp_path, {**telemetry_settings, **_wishes(request.node)})
    except ConfigError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def telemetry_client(
    telemetry_config: TelemetryConfig,
    telemetry_recorder: Recorder,
    telemetry_clock: FakeClock,
    telemetry_ids: CountingIds,
) -> Iterator[TelemetryClient]:
    """Return a client on the recorder, the clock and a temporary spool, closed after the test.

    It is the default client meanwhile, the one that `telemetry_core.capture` speaks to.
    """
    from telemetry_core import TelemetryClient, set_client

    client = TelemetryClient(
        telemetry_config, plugins=[telemetry_recorder], clock=telemetry_clock, ids=telemetry_ids
    )
    before = set_client(client)
    yield client
    set_client(before)
    client.close()


@pytest.fixture
def telemetry_http_server(request: pytest.FixtureRequest) -> Iterator[HttpServer]:
    """Return a receiver of JSON on a port of this machine, in the time that the test lives in."""
    from pytest_telemetry.servers.http import HttpServer

    server = HttpServer(_clock_of(request))
    with server.serving():
        yield server


@pytest.fixture
def telemetry_runs_server(request: pytest.FixtureRequest) -> Iterator[RunsServer]:
    """Return a run service on a port of this machine, in the time that the test lives in."""
    from pytest_telemetry.servers.runs.server import RunsServer

    server = RunsServer(_clock_of(request))
    with server.serving():
        yield server


@pytest.fixture
def telemetry_posthog_server(request: pytest.FixtureRequest) -> Iterator[PostHogServer]:
    """Return a PostHog on a port of this machine, in the time that the test lives in."""
    from pytest_telemetry.servers.posthog.server import PostHogServer

    server = PostHogServer(_clock_of(request))
    with server.serving():
        yield server


@pytest.fixture
def telemetry_sheets_server(request: pytest.FixtureRequest) -> Iterator[SheetsServer]:
    """Return a spreadsheet of Google's on a port of this machine, in the time of the test."""
    from pytest_telemetry.servers.sheets.server import SheetsServer

    server = SheetsServer(_clock_of(request))
    with server.serving():
        yield server


@pytest.fixture
def telemetry_raxe_server(request: pytest.FixtureRequest) -> Iterator[RaxeServer]:
    """Return a RAXE on a port of this machine, in the time that the test lives in."""
    from pytest_telemetry.servers.raxe.server import RaxeServer

    server = RaxeServer(_clock_of(request))
    with server.serving():
        yield server


@pytest.fixture
def telemetry_ingest_server(request: pytest.FixtureRequest) -> Iterator[IngestServer]:
    """Return a server for signed events on a port of this machine, in the time of the test."""
    from pytest_telemetry.servers.ingest.server import IngestServer

    server = IngestServer(_clock_of(request))
    with server.serving():
        yield server


def _clock_of(request: pytest.FixtureRequest) -> FakeClock | None:
    """Return the clock of a test that has one, itself or through its client."""
    if "telemetry_clock" not in request.fixturenames:
        return None
    clock: FakeClock = request.getfixturevalue("telemetry_clock")
    return clock
