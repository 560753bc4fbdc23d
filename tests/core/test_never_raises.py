"""Whatever a program hands to its client, and whatever is broken behind it, nothing is raised."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_telemetry.clock import FakeClock

from telemetry_core import TelemetryClient, hookimpl, load_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _refuse(*_arguments: object, **_named: object) -> Any:
    raise RuntimeError("no")


_DUNDERS = (
    *("__str__", "__repr__", "__format__", "__bool__", "__len__", "__iter__", "__hash__", "__eq__"),
    *("__getattr__", "__getitem__", "__contains__", "__int__", "__index__", "__float__", "__lt__"),
    *("__call__", "__fspath__", "__bytes__", "__dir__", "__enter__", "__exit__", "__reduce_ex__"),
)
Hostile = type("Hostile", (), dict.fromkeys(_DUNDERS, _refuse))
HostileText = type("HostileText", (str,), dict.fromkeys(_DUNDERS, _refuse))
HostileDict = type("HostileDict", (dict,), {**dict.fromkeys(_DUNDERS, _refuse), "items": _refuse})
HostileError = type("HostileError", (Exception,), dict.fromkeys(_DUNDERS[:2], _refuse))


class Liar:
    """Says of itself what is not even an exact `str`."""

    def __str__(self) -> str:
        return str.__new__(HostileText, "lie")

    __repr__ = __str__


def _cycle() -> list[Any]:
    cycle: list[Any] = []
    cycle.append({"again": cycle})
    return cycle


def _deep() -> Any:
    value: Any = 1
    for _ in range(2000):
        value = [value]
    return value


ODD_THINGS = [
    Hostile(),
    HostileText("text"),
    HostileDict(a=1),
    HostileError(),
    Liar(),
    Hostile,
    object(),
    _cycle(),
    _deep(),
    10**5000,
    -(2**70),
    float("nan"),
    float("inf"),
    "\ud800 half",
    "\x00",
    "",
    "x" * 200_000,
    b"\xff",
    None,
    True,
    (),
    {"a": {1, 2}, 3: Hostile()},
    {"\udcff": Hostile},
    range(10**9),
    asyncio.CancelledError(),
]


class Odd:
    """One value in a box, for hypothesis looks at what it draws."""

    def __init__(self, number: int, name: str | None) -> None:
        self.number = number
        self.name = name

    @property
    def it(self) -> Any:
        value = ODD_THINGS[self.number]
        return value if self.name is None else {self.name: value}

    def __repr__(self) -> str:
        return f"Odd({self.number}, {self.name!r})"


VALUES = st.builds(
    Odd, st.integers(0, len(ODD_THINGS) - 1), st.none() | st.none() | st.text(max_size=5)
)
RUN_FIELD = st.sampled_from(
    (
        *("status", "run_id", "event_id", "start_time", "items_failed", "duration_ms"),
        *("metrics_json", "context_json", "parent_run_id", "revision", "inferred", "api_posted"),
        *("schema_version", "end_time", "host", "unknown", "created_at", "payload"),
    )
)
FIELDS = st.dictionaries(RUN_FIELD, VALUES, max_size=3)


def unboxed(fields: dict[str, Odd], *without: str) -> dict[str, Any]:
    return {name: odd.it for name, odd in fields.items() if name not in without}


class Broken:
    """A plugin that fails wherever it can."""

    on_start_run = hookimpl(lambda self, run: _refuse())
    on_event = hookimpl(lambda self, event, run: _refuse())
    on_end_run = hookimpl(lambda self, run: _refuse())
    ship_batch = hookimpl(lambda self, batch: _refuse())
    check_health = hookimpl(lambda self: _refuse())
    close = stats = runs_store = destination = _refuse


class Nonsense:
    """A plugin that answers with what nobody asked for."""

    ship_batch = hookimpl(lambda self, batch: Hostile())
    check_health = hookimpl(lambda self: Hostile())

    def stats(self) -> Any:
        return Hostile()


class Keeper:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    @hookimpl
    def ship_batch(self, batch: Any) -> None:
        self.kinds += [record.kind.value for record in batch]


MakeClient = Any


@pytest.fixture(scope="module", params=["a sound disk", "a broken disk", "disabled"])
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TelemetryClient]:
    base_dir = tmp_path_factory.mktemp("base")
    if request.param == "a broken disk":
        (base_dir / "spool").write_text("a file where a folder should be")
    environ = {
        "TELEMETRY_BASE_DIR": str(base_dir),
        "TELEMETRY_ACTIVE": "sqlite",
        "TELEMETRY_DB_PATH": "/proc/no/database" if "broken" in request.param else "",
        "TELEMETRY_DISABLED": "1" if request.param == "disabled" else "",
        "TELEMETRY_EXIT_TIMEOUT": "0.2",
    }
    client = TelemetryClient(load_config(environ=environ), plugins=[Broken(), Nonsense(), Keeper()])
    yield client
    client.close()


never_raises = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@never_raises
@given(first=VALUES, second=VALUES, third=VALUES, fields=FIELDS)
def test_runs(
    client: TelemetryClient, first: Odd, second: Odd, third: Odd, fields: dict[str, Odd]
) -> None:
    run_id = client.start_run(first.it, second.it, third.it, **unboxed(fields))
    assert type(run_id) is str
    for known in (run_id, first.it):
        client.update_run(known, **unboxed(fields, "run_id"))
        client.log_event(known, second.it, third.it)
        client.end_run(known, third.it, **unboxed(fields, "run_id", "status"))


@never_raises
@given(first=VALUES, second=VALUES, third=VALUES, fourth=VALUES, error=VALUES)
def test_events(
    client: TelemetryClient, first: Odd, second: Odd, third: Odd, fourth: Odd, error: Odd
) -> None:
    said = client.capture(first.it, second.it, third.it, timestamp=fourth.it, context=error.it)
    assert type(said) is str
    assert type(client.capture_exception(error.it, first.it, second.it)) is str
    assert isinstance(client.describe_exception(error.it), dict)
    done, message = client.associate_commit(first.it, second.it, third.it, fourth.it, error.it)
    assert (type(done), type(message)) == (bool, str)


@never_raises
@given(first=VALUES, second=VALUES, fields=FIELDS, value=VALUES)
def test_blocks(
    client: TelemetryClient, first: Odd, second: Odd, fields: dict[str, Odd], value: Odd
) -> None:
    tracker = client.track_run(first.it, second.it, **unboxed(fields))
    with suppress(HostileError), tracker as run:
        run.log_event(first.it, value.it)
        run.set_metrics(**unboxed(fields, "run_id"))
        assert repr(run) == f"RunContext({run.run_id!r})"
        raise HostileError


ODD_TIMEOUTS = [0, 0.0, -1, float("nan"), "x", Hostile(), 10**400, -float("inf")]


@pytest.mark.parametrize("timeout", ODD_TIMEOUTS, ids=range(len(ODD_TIMEOUTS)))
def test_delivery(client: TelemetryClient, timeout: Any) -> None:
    bool(client.flush(timeout))
    bool(asyncio.run(client.aflush(timeout)))
    assert set(client.get_stats()) >= {"timestamp", "total_runs", "sinks"}
    assert type(client.health().ok) is bool


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[TelemetryClient, list[str]]]:
    keeper = Keeper()
    config = load_config(environ={"TELEMETRY_BASE_DIR": str(tmp_path)})
    config.active = ()
    client = TelemetryClient(config, plugins=[keeper], clock=FakeClock())
    yield client, keeper.kinds
    client.close()


@settings(
    never_raises,
    max_examples=40,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        *never_raises.suppress_health_check,
    ],
)
@given(name=VALUES, payload=VALUES, fields=FIELDS)
def test_what_is_odd_is_recorded_all_the_same(
    kept: tuple[TelemetryClient, list[str]], name: Odd, payload: Odd, fields: dict[str, Odd]
) -> None:
    client, kinds = kept
    kinds.clear()
    run_id = client.start_run(name.it, name.it, **unboxed(fields))
    client.log_event(run_id, name.it, payload.it)
    client.capture(name.it, properties=payload.it, context=payload.it)
    client.capture_exception(HostileError(), properties=payload.it)
    client.end_run(run_id, payload.it)
    assert client.flush(20)
    assert sorted(kinds) == ["end_run", "event", "event", "event", "start_run"]


def test_a_program_without_descriptors_left_goes_on(tmp_path: Path) -> None:
    import resource

    config = load_config(environ={"TELEMETRY_BASE_DIR": str(tmp_path)})
    config.active = ()
    client = TelemetryClient(config, plugins=[Keeper()])
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, before[1]))
    try:
        client.capture("x")
        client.end_run(client.start_run("agent", "job"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert client.flush(20)
    client.close()
