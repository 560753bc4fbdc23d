"""What a client does with what it is told, and who hears of it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from pytest_telemetry.clock import FakeClock

from telemetry_core import (
    ConfigError,
    FlushReport,
    Receipt,
    TelemetryClient,
    TelemetryConfig,
    TelemetryError,
    hookimpl,
    load_config,
)
from telemetry_core.credentials import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_telemetry.recorder import Recorder

MakeClient = Any


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., TelemetryClient]]:
    """Return a function that builds a client on this test's folder, closed after the test."""
    clients: list[TelemetryClient] = []

    def make(*plugins: object, environ: dict[str, str] | None = None, **kw: Any) -> TelemetryClient:
        settings = {"TELEMETRY_BASE_DIR": str(tmp_path / "base"), **(environ or {})}
        config = load_config(environ=settings)
        if "TELEMETRY_ACTIVE" not in settings:
            config.active = ()
        clients.append(TelemetryClient(config, plugins=plugins, **kw))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@define(eq=False)
class Listener:
    """Notes what it hears, under its name, in a list shared with others."""

    name: str
    heard: list[str]

    @hookimpl
    def on_start_run(self, run: Any) -> None:
        self.heard.append(f"{self.name} start")

    @hookimpl
    def on_event(self, event: Any) -> None:
        self.heard.append(f"{self.name} {event.event_type}")

    @hookimpl
    def on_end_run(self, run: Any) -> None:
        self.heard.append(f"{self.name} end")


class Sink:
    """Keeps what is shipped."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    @hookimpl
    def ship_batch(self, batch: Any) -> None:
        self.records += batch


# -- disabled


@pytest.mark.parametrize("off", ["1", "true", "yes"])
def test_disabled_means_that_nothing_is_built(
    make_client: MakeClient, tmp_path: Path, off: str
) -> None:
    threads = threading.enumerate()
    environ = {"TELEMETRY_DISABLED": off, "TELEMETRY_ACTIVE": "sqlite,ndjson"}
    client = make_client(Sink(), environ=environ)
    run_id = client.start_run("agent", "job")
    client.log_event(run_id, "x")
    client.end_run(run_id)
    client.flush()
    client.close()
    assert (client.disabled, "-agent-" in run_id) == (True, True)
    assert (threading.enumerate(), list(tmp_path.iterdir())) == (threads, [])


def test_a_client_that_records_nothing_builds_no_thread_and_no_file(
    make_client: MakeClient, tmp_path: Path
) -> None:
    threads = threading.enumerate()
    make_client(Sink(), environ={"TELEMETRY_ACTIVE": "sqlite,ndjson"})
    assert (threading.enumerate(), list(tmp_path.iterdir())) == (threads, [])


def test_a_client_may_be_disabled_and_enabled_at_any_time(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    telemetry_client.disabled = True
    telemetry_client.capture("unheard")
    telemetry_client.disabled = False
    telemetry_client.capture("heard")
    assert [event.event_type for event in telemetry_recorder.events] == ["heard"]


def test_what_the_user_disabled_cannot_be_enabled_by_the_program(make_client: MakeClient) -> None:
    client = make_client(environ={"TELEMETRY_DISABLED": "1"})
    client.disabled = False
    assert client.disabled


def test_do_not_track_silences_remote_sinks_only(make_client: MakeClient) -> None:
    class Remote(Sink):
        remote = True

    remote, local = Remote(), Sink()
    client = make_client(remote, local, environ={"DO_NOT_TRACK": "1"})
    client.capture("x")
    assert client.flush(10)
    assert (len(remote.records), len(local.records)) == (0, 1)


def test_a_client_that_cannot_be_built_records_nothing_and_says_so_once(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(Sink(), Sink())
    assert client.start_run("agent", "job")
    assert client.disabled
    assert "two plugins are named" in client.health().message
    [warning] = [record.message for record in caplog.records]
    assert warning == f"nothing is recorded: {client.health().message}"


def test_a_client_that_cannot_be_built_raises_in_tests(make_client: MakeClient) -> None:
    with pytest.raises(ConfigError, match="two plugins are named"):
        make_client(Sink(), Sink(), environ={"TELEMETRY_ON_ERROR": "raise"})


def test_what_is_no_configuration_is_said_to_be_none() -> None:
    client = TelemetryClient(5)  # type: ignore[arg-type]
    assert client.health().message == (
        "a client takes a TelemetryConfig, not 5; load_config() gives one"
    )


@pytest.mark.parametrize("wrong", ["batch_size", "only", "delivery", "plugin"])
def test_a_wrong_setting_in_one_table_silences_that_sink_alone(wrong: str, tmp_path: Path) -> None:
    tables: dict[str, dict[str, Any]] = {"sqlite": {wrong: 0}}
    config = TelemetryConfig(
        base_dir=tmp_path / "base", active=("sqlite", "ndjson"), plugins=tables
    )
    with closing(TelemetryClient(config)) as client:
        client.capture("x")
        report = client.flush(10)
    assert report.sinks["ndjson"].delivered == 1
    assert (report.sinks["sqlite"].delivered, report.sinks["sqlite"].pending) == (0, 1)
    assert f"plugins.sqlite.{wrong}" in report.sinks["sqlite"].error


NONSENSE = (
    *("ACTIVE", "BASE_DIR", "BATCH_BYTES", "BATCH_SIZE", "CONFIG", "CRITICAL", "DURABILITY"),
    *("EXIT_TIMEOUT", "LINGER", "MAX_AGE_DAYS", "MAX_BYTES", "ON_ERROR", "REDACT", "SERVICE"),
    "TEST_MODE",
)


@pytest.mark.parametrize("name", [*NONSENSE, *itertools.combinations(NONSENSE, 2), NONSENSE])
def test_no_variable_can_keep_a_program_from_its_client(
    name: str | tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in os.environ:
        if variable.startswith(("TELEMETRY_", "AGENT_")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path))
    for variable in (name,) if isinstance(name, str) else name:
        monkeypatch.setenv(f"TELEMETRY_{variable}", "../\x07nonsense")
    for build in (TelemetryClient, TelemetryClient.searching):
        with build() as client:
            assert client.start_run("agent", "job")


def test_no_typo_in_a_file_can_keep_a_program_without_a_home_from_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "telemetry.toml").write_text("active = [")
    monkeypatch.delenv("TELEMETRY_CONFIG", raising=False)
    monkeypatch.setenv("TELEMETRY_TEST_MODE", "bogus")
    monkeypatch.setenv("XDG_STATE_HOME", "nowhere")
    monkeypatch.setenv("HOME", "nowhere")
    client = TelemetryClient.searching(str(tmp_path))
    assert client.start_run("agent", "job")
    assert (client.disabled, client.config, client.health().ok) == (True, None, False)
    assert "telemetry.toml" in client.flush().problem
    assert client.get_stats()["total_runs"] == 0
    client.disabled = False
    assert client.disabled


@pytest.mark.parametrize(
    ("by_hand", "environ", "whose"),
    [(True, {}, "its configuration"), (False, {"TELEMETRY_DISABLED": "1"}, "TELEMETRY_DISABLED")],
)
def test_what_is_disabled_is_well_and_says_by_whom(
    tmp_path: Path, by_hand: bool, environ: dict[str, str], whose: str
) -> None:
    config = TelemetryConfig(base_dir=tmp_path, disabled=by_hand, environ=Environment(environ))
    health = TelemetryClient(config).health()
    assert (health.ok, health.message) == (True, f"telemetry is disabled by {whose}")


def test_a_plugin_that_is_not_installed_leaves_the_others_to_record(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(environ={"TELEMETRY_ACTIVE": "sqlite,snowplow"})
    client.capture("x")
    assert client.flush(10).delivered == 1
    assert not client.health().ok
    assert "pip install telemetry-snowplow" in client.health().sinks["snowplow"].message
    assert caplog.text.count("snowplow is off") == 1


def test_a_misspelt_setting_of_a_sink_is_told_once_and_what_becomes_of_its_records(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = load_config(environ={"TELEMETRY_BASE_DIR": str(tmp_path)})
    config.active = ("ndjson",)
    config.plugins = {"ndjson": {"directry": "x"}}
    with TelemetryClient(config) as client:
        client.capture("x")
        client.flush(10)
    [warning] = [record.message for record in caplog.records]
    assert "did you mean directory?" in warning
    assert warning.endswith("; its records wait")


def test_the_configuration_in_force_can_be_read(make_client: MakeClient, tmp_path: Path) -> None:
    config = make_client().config
    assert config is not None
    assert config.base_dir == tmp_path / "base"


@pytest.mark.parametrize("arguments", [{"config": 5}, {"plugins": 5}, {"plugins": [None]}])
def test_a_client_built_of_nonsense_is_a_disabled_one(
    arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_BASE_DIR", str(tmp_path))
    client = TelemetryClient(**arguments)
    assert client.disabled
    assert not client.health().ok


# -- listeners


def test_everyone_hears_in_the_order_of_the_plugins_after_it_was_written(
    make_client: MakeClient, tmp_path: Path
) -> None:
    heard: list[str] = []

    class Looks:
        @hookimpl
        def on_event(self, event: Any) -> None:
            [segment] = (tmp_path / "base" / "spool").rglob("standard-*.seg")
            heard.append(f"written {event.event_id in segment.read_text()}")

    client = make_client(Looks(), Listener("a", heard), Listener("b", heard), Sink())
    with client.track_run("agent", "job") as run:
        run.log_event("x")
    assert heard == ["a start", "b start", "written True", "a x", "b x", "a end", "b end"]


def test_a_listener_that_raises_silences_nobody_and_is_complained_of_once(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        @hookimpl
        def on_event(self, event: Any) -> None:
            raise RuntimeError("broken")

    heard: list[str] = []
    sink = Sink()
    client = make_client(Broken(), Listener("a", heard), sink)
    client.capture("x")
    client.capture("y")
    assert client.flush(10)
    assert (heard, len(sink.records)) == (["a x", "a y"], 2)
    assert caplog.text.count("the listener broken failed: RuntimeError: broken") == 1


def test_what_a_listener_records_is_written_but_heard_by_no_one(make_client: MakeClient) -> None:
    @define(eq=False)
    class Echo:
        client: Any = None

        @hookimpl
        def on_event(self, event: Any) -> None:
            self.client.capture("echo")

    heard: list[str] = []
    echo, sink = Echo(), Sink()
    echo.client = make_client(echo, Listener("a", heard), sink)
    echo.client.capture("x")
    assert echo.client.flush(10)
    assert heard == ["a x"]
    assert [record.body.event_type for record in sink.records] == ["x", "echo"]


def test_a_thread_hears_while_another_ones_listener_is_busy(make_client: MakeClient) -> None:
    busy, done = threading.Event(), threading.Event()
    heard: list[str] = []

    class Slow:
        @hookimpl
        def on_event(self, event: Any) -> None:
            if event.event_type == "slow":
                busy.set()
                done.wait(60)

    client = make_client(Slow(), Listener("a", heard))
    thread = threading.Thread(target=client.capture, args=("slow",))
    thread.start()
    busy.wait(60)
    client.capture("meanwhile")
    done.set()
    thread.join()
    assert heard == ["a meanwhile", "a slow"]


def test_a_keyboard_interrupt_in_a_listener_reaches_the_program(make_client: MakeClient) -> None:
    class Interrupted:
        @hookimpl
        def on_event(self, event: Any) -> None:
            raise KeyboardInterrupt

    heard: list[str] = []
    client = make_client(Interrupted(), Listener("a", heard), Sink())
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            client.capture("x")
    assert client.flush(10).delivered == 2


def test_a_test_may_ask_to_have_errors_raised(make_client: MakeClient) -> None:
    class Broken:
        @hookimpl
        def on_event(self, event: Any) -> None:
            raise RuntimeError("broken")

    client = make_client(Broken(), environ={"TELEMETRY_ON_ERROR": "raise"})
    with pytest.raises(RuntimeError, match="broken"):
        client.capture("x")


def test_three_kinds_of_objects_are_plugins(make_client: MakeClient) -> None:
    @define(eq=False)
    class WithAttrs:
        records: list[Any] = field(factory=list)

        @hookimpl
        def ship_batch(self, batch: Any) -> None:
            self.records += batch

    import types

    module = types.ModuleType("a_module")
    kept: list[Any] = []

    @hookimpl
    def ship_batch(batch: Any) -> None:
        kept.extend(batch)

    module.ship_batch = ship_batch  # type: ignore[attr-defined]
    plain, attrs = Sink(), WithAttrs()
    client = make_client(plain, attrs, module)
    client.capture("x")
    assert client.flush(10)
    assert [len(plain.records), len(attrs.records), len(kept)] == [1, 1, 1]


def test_redaction_comes_before_any_hook(make_client: MakeClient) -> None:
    seen: list[Any] = []

    class Looks:
        @hookimpl
        def on_start_run(self, run: Any) -> None:
            seen.append(run.context_json)

        @hookimpl
        def on_event(self, event: Any) -> None:
            seen.append(event.payload)

    client = make_client(Looks())
    payload = {"password": "hunter2", "page": 1}
    run_id = client.start_run("agent", "job", context_json={"token": "x"})
    client.log_event(run_id, "x", payload)
    assert seen == [{"token": "[redacted]"}, {"password": "[redacted]", "page": 1}]
    assert payload["password"] == "hunter2"


def test_a_captured_exception_keeps_its_words_even_with_odd_properties(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    try:
        raise KeyError("lost")
    except KeyError:
        telemetry_client.capture_exception(properties=["odd"])  # type: ignore[arg-type]
    [event] = telemetry_recorder.events
    assert event.payload["exception"]["type"] == "KeyError"
    assert event.payload["properties"] == ["odd"]


def test_an_exception_is_told_once_however_many_layers_see_it(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    error = KeyError("lost")
    first = telemetry_client.capture_exception(error)
    assert telemetry_client.capture_exception(error) == first
    assert telemetry_client.capture_exception(KeyError("lost")) != first
    assert len(telemetry_recorder.events) == 2


def test_each_client_is_told_of_an_exception(make_client: MakeClient) -> None:
    error = KeyError("lost")
    assert make_client().capture_exception(error) != make_client().capture_exception(error)


def test_an_exception_says_no_secret_of_the_source(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    try:
        open_vault(password="hunter2")
    except ValueError as error:
        telemetry_client.capture_exception(error)
    (event,) = telemetry_recorder.events
    frame = event.payload["exception"]["frames"][0]
    assert frame["context_line"].strip() == 'open_vault(password="[redacted]")'


def open_vault(password: str) -> None:
    raise ValueError("closed")


def test_an_event_may_bring_its_id(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    given = "0190a1b2-0000-7000-8000-00000000000A"
    assert telemetry_client.capture("x", event_id=given) == given.lower()
    assert [event.event_id for event in telemetry_recorder.events] == [given.lower()]


def test_an_id_that_is_no_uuid_is_replaced(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    with pytest.raises(TelemetryError, match="is no UUID"):
        telemetry_client.capture("x", event_id="order-7")


def test_without_an_exception_there_is_none_to_capture(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    assert telemetry_client.capture_exception()
    assert telemetry_recorder.events == []


# -- runs


def test_a_run_may_end_in_another_thread(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    run_id = telemetry_client.start_run("agent", "job")
    thread = threading.Thread(target=telemetry_client.end_run, args=(run_id, "failed"))
    thread.start()
    thread.join()
    telemetry_recorder.assert_run("agent", status="failure")


def test_only_the_first_of_many_ends_counts(make_client: MakeClient) -> None:
    heard: list[str] = []
    client = make_client(Listener("a", heard))
    run_id = client.start_run("agent", "job")
    threads = [threading.Thread(target=client.end_run, args=(run_id,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == ["a start", "a end"]


def test_the_end_of_a_run_that_is_not_known_is_said_and_ignored(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    make_client(Listener("a", heard)).end_run("nobody's")
    assert heard == []
    assert "the run nobody's is not known here" in caplog.text


def test_an_event_after_the_end_is_still_recorded(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    run_id = telemetry_client.start_run("agent", "job")
    telemetry_client.end_run(run_id)
    telemetry_client.log_event(run_id, "afterwards")
    assert telemetry_recorder.assert_event("afterwards").run_id == run_id


def test_closing_ends_open_runs_as_inferred_and_their_own_end_still_counts(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    run_id = telemetry_client.start_run("agent", "job")
    telemetry_client.close()
    telemetry_recorder.assert_run("agent", status="cancelled", inferred=True)
    telemetry_client.end_run(run_id)
    telemetry_recorder.assert_run("agent", status="success", inferred=False)


def test_a_run_of_another_program_is_the_parent_when_the_environment_says_so(
    make_client: MakeClient,
) -> None:
    sink = Sink()
    client = make_client(sink, environ={"TELEMETRY_PARENT_RUN_ID": "outer", "AGENT_OWNER": "me"})
    client.start_run("agent", "job")
    assert client.flush(10)
    run = sink.records[0].body
    assert (run.parent_run_id, run.agent_owner) == ("outer", "me")
    assert run.host


def test_a_run_knows_the_repository_it_ran_in(
    make_client: MakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = tmp_path / "work" / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/topic\n")
    (git / "refs" / "heads" / "topic").write_text("a" * 40 + "\n")
    (git / "config").write_text('[remote "origin"]\n\turl = https://me:secret@host/x.git\n')
    monkeypatch.chdir(git.parent)
    sink = Sink()
    client = make_client(sink)
    client.start_run("agent", "job")
    assert client.flush(10)
    run = sink.records[0].body
    assert (run.git_branch, run.git_commit_hash) == ("topic", "a" * 40)
    assert "host/x" in run.git_repo
    assert "secret" not in run.git_repo


COMMIT = ("abc1234", "manual", "me@example.org")


@pytest.mark.parametrize("when", ["during", "after"])
def test_a_commit_is_tied_to_a_run_during_it_and_after(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder, when: str
) -> None:
    run_id = telemetry_client.start_run("agent", "job")
    if when == "after":
        telemetry_client.end_run(run_id)
    done, message = telemetry_client.associate_commit(run_id, *COMMIT)
    assert (done, message.split()[0]) == (True, "[OK]")
    telemetry_recorder.assert_run(git_commit_hash="abc1234", git_commit_source="manual")


@pytest.mark.parametrize(
    "commit", [("short", "manual"), ("abc1234", "guess"), ("abc 1234", "ci"), (None, "ci")]
)
def test_a_commit_that_cannot_be_one_is_refused_with_words(
    telemetry_client: TelemetryClient, commit: tuple[Any, str]
) -> None:
    run_id = telemetry_client.start_run("agent", "job")
    done, message = telemetry_client.associate_commit(run_id, *commit)
    assert (done, message.split()[0]) == (False, "[ERROR]")


def test_a_commit_is_tied_to_a_run_of_another_process_through_the_store(
    make_client: MakeClient,
) -> None:
    environ = {"TELEMETRY_ACTIVE": "sqlite"}
    first, second = make_client(environ=environ), make_client(environ=environ)
    run_id = first.start_run("agent", "job")
    first.end_run(run_id, "partial")
    assert first.flush(10)
    assert second.associate_commit("unknown", *COMMIT)[0] is False
    assert second.associate_commit(run_id, *COMMIT)[0] is True
    assert second.flush(10)
    assert second.get_stats()["by_status"] == {"partial": 1}
    store = first._teller.runs_store()
    assert store.get_run(run_id).git_commit_hash == "abc1234"


def test_the_figures_have_one_shape_with_and_without_a_store(make_client: MakeClient) -> None:
    keys = {
        *("total_runs", "by_status", "pending_api_posts", "agents", "recent_24h"),
        *("run_id_metrics", "sinks", "timestamp", "complaints"),
    }
    clients = [
        make_client(environ={"TELEMETRY_ACTIVE": "sqlite"}),
        make_client(Sink()),
        make_client(environ={"TELEMETRY_DISABLED": "1"}),
    ]
    clients[0].end_run(clients[0].start_run("agent", "job"))
    clients[0].flush(10)
    assert [set(client.get_stats()) >= keys for client in clients] == [True] * 3
    stats = clients[0].get_stats()
    assert (stats["total_runs"], stats["by_status"]) == (1, {"success": 1})
    assert stats["sinks"]["sqlite"]["delivered"] == 2


def test_the_figures_of_run_ids_can_be_had_by_themselves_and_logged(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    client.start_run("agent", "job", run_id="mine")
    metrics = client.get_run_id_metrics()
    assert set(metrics) == {"run_id_metrics", "timestamp"}
    assert metrics["run_id_metrics"]["custom_accepted"] == 1
    with caplog.at_level(logging.INFO, "telemetry_core"):
        client.log_run_id_metrics()
    assert "'custom_accepted': 1" in caplog.text


def test_what_was_said_once_is_counted_where_one_can_read_it(make_client: MakeClient) -> None:
    class Down:
        @hookimpl
        def ship_batch(self, batch: Any) -> Receipt:
            return Receipt.wait("down")

    client = make_client(Down(), environ={"TELEMETRY_EXIT_TIMEOUT": "0"})
    client.capture("x")
    client.end_run("nobody's")
    for _ in range(2):
        client.flush(10)
    complaints = client.get_stats()["complaints"]
    assert complaints["end_run"] == 1
    assert complaints["down failure"] >= 2


# -- health


def test_records_that_are_in_memory_only_are_a_problem_and_then_lost(
    make_client: MakeClient, tmp_path: Path
) -> None:
    class Down:
        @hookimpl
        def ship_batch(self, batch: Any) -> Receipt:
            return Receipt.wait("down")

    (tmp_path / "base").write_text("a file where a folder should be")
    client = make_client(Down())
    client.capture("x")
    message = client.health().message
    assert "the disk takes no records; 1 record in memory only" in message
    client.close()
    assert "1 record lost: neither disk nor memory had room" in client.health().message
    assert client.flush(0).not_accepted == 1


def test_a_flush_after_which_a_record_is_lost_is_not_true() -> None:
    assert FlushReport()
    assert not FlushReport(not_accepted=3)


def test_a_sink_in_memory_has_room_for_two_batches_and_tells_of_what_it_dropped(
    make_client: MakeClient,
) -> None:
    entered, release = threading.Event(), threading.Event()

    class Hanging:
        batch_size = 300

        @hookimpl
        def ship_batch(self, batch: Any) -> None:
            entered.set()
            release.wait(60)

    config = load_config(environ={"TELEMETRY_BASE_DIR": "/nowhere"})
    config.active, config.plugins = (), {"hanging": {"delivery": "memory"}}
    client = TelemetryClient(config, plugins=[Hanging()])
    client.capture("first")
    assert entered.wait(60)
    for _ in range(600):
        client.capture("x")
    health = client.health()
    release.set()
    client.close()
    assert (health.ok, health.message) == (False, "hanging: 1 record dropped")


# -- clocks, loops and leaving


@pytest.mark.parametrize("later", [0, 10**18, 3 * 10**18])
def test_a_clock_that_jumps_loses_and_doubles_nothing(make_client: MakeClient, later: int) -> None:
    clock, sink = FakeClock(start_ns=1_700_000_000 * 10**9), Sink()
    client = make_client(sink, clock=clock)
    run_id = client.start_run("agent", "job")
    clock.set_wall(later)
    client.capture("x")
    client.end_run(run_id)
    assert client.flush(10).delivered == 3
    assert len({record.id for record in sink.records}) == 3
    assert sink.records[-1].body.duration_ms == 0


def test_an_event_loop_flushes_and_closes_without_being_held_up(make_client: MakeClient) -> None:
    sink = Sink()
    client = make_client(sink)
    client.capture("x")

    async def leave() -> int:
        delivered: int = (await client.aflush(10)).delivered
        await client.aclose()
        return delivered

    assert asyncio.run(leave()) == 1


def test_closing_twice_or_from_many_threads_is_harmless(make_client: MakeClient) -> None:
    client = make_client(Sink())
    client.capture("x")
    threads = [threading.Thread(target=client.close) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(10)


def test_a_closed_client_holds_no_descriptor_and_no_thread(make_client: MakeClient) -> None:
    make_client(Sink()).close()  # what is opened once a process is open by now
    before = sorted(os.listdir("/proc/self/fd")), threading.active_count()
    client = make_client(Sink())
    for n in range(3):
        client.capture("x", properties={"n": n})
    client.close()
    assert (sorted(os.listdir("/proc/self/fd")), threading.active_count()) == before


def test_the_clients_own_warnings_are_said_once_a_kind(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            client.start_run("agent", "job", colour="red")
    assert caplog.text.count("colour") == 1


def test_a_client_as_a_block_is_closed_at_its_end(make_client: MakeClient, tmp_path: Path) -> None:
    with make_client(Sink()) as client:
        client.capture("x")
    assert list((tmp_path / "base" / "spool").glob("*.lock")) == []


def test_closing_works_as_contextlib_has_it(make_client: MakeClient) -> None:
    sink = Sink()
    with closing(make_client(sink)) as client:
        client.capture("x")
    assert len(sink.records) == 1


class Shouting(logging.Handler):
    """A handler of the program's own that raises."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError(record.getMessage())


def test_a_log_handler_that_raises_breaks_nothing(make_client: Any) -> None:
    client = make_client(environ={"TELEMETRY_ON_ERROR": "log", "TELEMETRY_ACTIVE": "sqlite"})
    handler = Shouting()
    logging.getLogger("telemetry_core").addHandler(handler)
    try:
        run_id = client.start_run("agent", "job", bogus=1)
        client.end_run(run_id, "nonsense", bogus=1)
    finally:
        logging.getLogger("telemetry_core").removeHandler(handler)
    assert client.flush(10)
    assert client.get_stats()["by_status"] == {"failure": 1}


class BadFigures:
    """A sink whose figures are none."""

    @hookimpl
    def ship_batch(self, batch: Any) -> None:
        """Take everything."""

    def stats(self) -> Any:
        return 5


def test_a_plugins_bad_figures_cost_no_other_sink_its_own(make_client: Any) -> None:
    client = make_client(BadFigures(), environ={"TELEMETRY_ON_ERROR": "log"})
    client.capture("said")
    assert client.flush(10)
    sinks = client.get_stats()["sinks"]
    assert sinks["bad_figures"]["plugin"]["error"]
    assert sinks["bad_figures"]["delivered"] == 1
