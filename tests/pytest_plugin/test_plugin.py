"""The fixtures and the marker, as a project that installed the plugin meets them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry.configuring import configured

import telemetry_core
from telemetry_core import TelemetryError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry.clock import FakeClock
    from pytest_telemetry.recorder import Recorder

    from telemetry_core import TelemetryClient, TelemetryConfig


def test_a_run_is_heard_at_once_and_shipped_by_a_flush(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    with telemetry_client.track_run("crawler", "nightly", product="shop") as run:
        run.log_event("page", {"url": "/a"})
        telemetry_recorder.assert_run("crawler", status="running")
    telemetry_recorder.assert_run("crawler", status="success", product="shop")
    telemetry_recorder.assert_event("page", url="/a")
    assert telemetry_client.flush()
    assert [record.kind for record in telemetry_recorder.shipped] == [
        "start_run",
        "event",
        "end_run",
    ]


def test_ids_and_times_are_the_same_in_every_run_of_a_test(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder, telemetry_clock: FakeClock
) -> None:
    with telemetry_client.track_run("crawler", "nightly") as run:
        telemetry_clock.advance(2.5)
    assert run.run_id == "20260101T120000Z-crawler-00000001"
    ended = telemetry_recorder.assert_run("crawler", duration_ms=2500)
    assert ended.event_id == "00000000-0000-7000-8000-000000000001"
    assert ended.end_time == "2026-01-01T12:00:02.500000+00:00"


def test_misuse_is_raised(telemetry_client: TelemetryClient) -> None:
    with pytest.raises(TelemetryError, match="is not known here"):
        telemetry_client.end_run("no-such-run")


@pytest.mark.telemetry(on_error="log")
def test_misuse_is_logged_when_the_marker_says_so(
    telemetry_client: TelemetryClient, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry_client.end_run("no-such-run")
    assert "is not known here" in caplog.text


def test_without_the_marker_no_sink_of_the_outside_is_active(
    telemetry_config: TelemetryConfig,
) -> None:
    assert (telemetry_config.active, telemetry_config.on_error) == ((), "raise")


@pytest.mark.telemetry(active=["ndjson"])
def test_sinks_that_the_marker_names_write_below_the_temporary_directory(
    telemetry_client: TelemetryClient, telemetry_config: TelemetryConfig
) -> None:
    telemetry_client.capture("signed_up")
    assert telemetry_client.flush()
    (path,) = (telemetry_config.base_dir / "raw").glob("*.ndjson")
    assert "signed_up" in path.read_text("utf-8")


def test_the_environment_of_who_runs_the_tests_has_no_say(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = pytester.path / "real-data"
    for name, text in {
        "TELEMETRY_DISABLED": "1",
        "TELEMETRY_ACTIVE": "no_such_sink",
        "TELEMETRY_NDJSON_DIR": str(elsewhere),
        "TELEMETRY_BASE_DIR": str(elsewhere),
    }.items():
        monkeypatch.setenv(name, text)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.telemetry(active=["ndjson"])
        def test_it(telemetry_client, telemetry_recorder):
            telemetry_client.capture("signed_up")
            telemetry_recorder.assert_event("signed_up")
            assert telemetry_client.flush()
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert not elsewhere.exists()


def test_the_marker_is_known_and_explained(alone: pytest.Pytester) -> None:
    shown = alone.runpytest_inprocess("--markers")
    shown.stdout.fnmatch_lines(["@pytest.mark.telemetry(active=*, on_error=*, live=*): *"])


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ("on_eror='log'", "telemetry() got an unexpected keyword argument 'on_eror'"),
        ("active='ndjson'", "write active=['ndjson']"),
        ("live='yes'", "@pytest.mark.telemetry(live='yes'): live is True or False"),
        ("[], 'log', True", "positional argument"),
    ],
)
def test_a_marker_that_nobody_can_read_is_an_error_also_where_no_fixture_asks(
    wish: str, problem: str, alone: pytest.Pytester
) -> None:
    alone.makepyfile(f"import pytest\n@pytest.mark.telemetry({wish})\ndef test_it(): pass")
    result = alone.runpytest_inprocess("--strict-markers")
    result.assert_outcomes(errors=1)
    assert problem in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_a_plugin_that_is_not_installed_fails_the_test(alone: pytest.Pytester) -> None:
    alone.makepyfile("""
        import pytest

        @pytest.mark.telemetry(active=["no_such_sink"])
        def test_it(telemetry_client):
            pass
    """)
    result = alone.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no_such_sink*"])


def test_what_a_test_leaves_open_is_closed_after_it(alone: pytest.Pytester) -> None:
    alone.makepyfile("""
        seen = []

        def test_a_run_is_left_open(telemetry_client, telemetry_recorder):
            telemetry_client.start_run("crawler", "nightly")
            seen.append(telemetry_recorder)

        def test_afterwards():
            seen[0].assert_run("crawler", status="cancelled")
    """)
    alone.runpytest_inprocess().assert_outcomes(passed=2)


def test_a_failed_expectation_ends_at_the_line_of_the_test(alone: pytest.Pytester) -> None:
    alone.makepyfile("""
        def test_it(telemetry_recorder):
            telemetry_recorder.assert_run("crawler")
    """)
    result = alone.runpytest_inprocess("--tb=short")
    result.stdout.fnmatch_lines(["E *no run with agent_name='crawler'*"])
    result.stdout.no_fnmatch_line("*recorder.py*")


def test_the_module_s_functions_speak_to_the_client_of_the_test(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    assert telemetry_core.get_client() is telemetry_client
    telemetry_core.capture("signed_up")
    telemetry_recorder.assert_event("signed_up")


def test_afterwards_the_default_client_is_the_one_from_before(alone: pytest.Pytester) -> None:
    alone.makepyfile("""
        from telemetry_core import get_client, set_client, TelemetryClient, TelemetryConfig

        mine = TelemetryClient(TelemetryConfig(disabled=True))
        set_client(mine)

        def test_in_between(telemetry_client):
            assert get_client() is telemetry_client

        def test_afterwards():
            assert get_client() is mine
            assert set_client(None) is mine
    """)
    alone.runpytest_inprocess().assert_outcomes(passed=2)


# -- settings


def test_settings_are_those_of_a_file(alone: pytest.Pytester) -> None:
    alone.makepyfile("""
        import pytest

        @pytest.fixture
        def telemetry_settings():
            return {
                "service": "crawler",
                "active": ["ndjson"],
                "delivery": {"linger": 0, "critical": ["paid"]},
                "plugins": {"ndjson": {"only": ["paid"]}},
            }

        def test_of_the_settings(telemetry_client, telemetry_config, tmp_path):
            assert (telemetry_config.service, telemetry_config.on_error) == ("crawler", "raise")
            assert telemetry_config.delivery.critical == ("paid",)
            telemetry_client.capture("paid")
            telemetry_client.capture("looked")
            assert telemetry_client.flush()
            (path,) = tmp_path.glob("telemetry/raw/*.ndjson")
            assert "paid" in path.read_text() and "looked" not in path.read_text()

        @pytest.mark.telemetry(active=[])
        def test_the_marker_wins(telemetry_config):
            assert telemetry_config.active == ()
    """)
    alone.runpytest_inprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"servce": "x"}, "telemetry_settings: there is no setting 'servce'"),
        ({"delivery": {"lingr": 0}}, "telemetry_settings: delivery: *'lingr'"),
        ({"delivery": {"linger": -1}}, "DeliverySettings: expected a number *@ linger"),
        ({"active": "sqlite"}, "TelemetryConfig: expected a list of plugin names*"),
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_an_error(
    settings: dict[str, object], problem: str, alone: pytest.Pytester
) -> None:
    alone.makepyfile(f"""
        import pytest

        @pytest.fixture
        def telemetry_settings():
            return {settings}

        def test_it(telemetry_client): pass
    """)
    result = alone.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"{problem}*"])


def test_a_secret_that_the_settings_name_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEY_OF_A_TEST", "k")
    monkeypatch.setenv("ANOTHER_KEY", "k")
    settings = {"plugins": {"posthog": {"api_key": {"env": "KEY_OF_A_TEST"}}}}
    environ = configured(tmp_path, settings).environ
    assert (environ.text("KEY_OF_A_TEST"), environ.text("ANOTHER_KEY")) == ("k", None)


# -- what a suite pays for it


def test_loading_the_plugin_imports_nothing_heavy(alone: pytest.Pytester) -> None:
    alone.makepyfile("""
        import sys

        def test_it():
            heavy = {"telemetry_core", "httpx", "respx", "msgspec", "filelock", "attrs"}
            assert "pytest_telemetry.plugin" in sys.modules
            assert heavy & sys.modules.keys() == set()
    """)
    assert alone.run(sys.executable, "-m", "pytest").ret == 0
