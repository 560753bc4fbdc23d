"""In a test session nothing leaves the machine unless a test says `live`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from pytest_telemetry.safety import TEST_MODE

RunSuite = Callable[..., pytest.RunResult]

UNAWARE = """
    import telemetry_core

    def test_it():
        telemetry_core.capture("unasked")
        assert telemetry_core.flush(10)
"""
LIVE = """
    import subprocess, sys
    import pytest
    import telemetry_core

    SAY = "import sys, telemetry_core as t; t.capture(sys.argv[1]); assert t.flush(10)"

    def say(what):
        telemetry_core.capture(what)
        assert telemetry_core.flush(10)
        subprocess.run([sys.executable, "-c", SAY, what + "_by_child"], check=True)

    def test_before():
        say("before")

    @pytest.mark.telemetry(live=True)
    def test_live():
        say("live")

    def test_after():
        say("after")
"""


def shipped(pytester: pytest.Pytester) -> list[str]:
    path = pytester.path / "shipped"
    return path.read_text().split() if path.exists() else []


def test_the_remote_sink_of_these_tests_ships_where_nobody_is_in_its_way(
    run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    run_suite(UNAWARE, "-p", "no:telemetry").assert_outcomes(passed=1)
    assert shipped(pytester) == ["unasked"]


@pytest.mark.parametrize("arguments", [(), ("-n", "2")])
def test_a_suite_that_never_heard_of_us_sends_nothing(
    arguments: tuple[str, ...], run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    run_suite(UNAWARE, *arguments).assert_outcomes(passed=1)
    assert shipped(pytester) == []


def test_a_program_that_a_conftest_imports_sends_nothing(
    run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("""
        import telemetry_core
        telemetry_core.capture("at_import")
        assert telemetry_core.flush(10)
    """)
    run_suite("def test_it(): pass").assert_outcomes(passed=1)
    assert shipped(pytester) == []


@pytest.mark.parametrize("arguments", [(), ("-n", "2", "--dist", "loadfile"), ("-W", "error")])
def test_a_test_that_says_live_ships_and_its_neighbours_do_not(
    arguments: tuple[str, ...], run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    run_suite(LIVE, *arguments).assert_outcomes(passed=3)
    assert shipped(pytester) == ["live", "live_by_child"]


def test_of_a_class_and_its_method_the_method_says_whether_it_is_live(
    run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    run_suite("""
        import pytest
        import telemetry_core

        @pytest.mark.telemetry(live=True)
        class TestIt:
            def test_live(self):
                telemetry_core.capture("live")

            @pytest.mark.telemetry(on_error="log")
            def test_not(self):
                telemetry_core.capture("not")
                assert telemetry_core.flush(10)
    """).assert_outcomes(passed=2)
    assert shipped(pytester) == ["live"]


@pytest.mark.parametrize("mode", ["mock", "live"])
@pytest.mark.parametrize("arguments", [(), ("-n", "1")])
def test_a_mode_that_the_user_states_stays_for_every_test(
    mode: str, arguments: tuple[str, ...], run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    environ = {"TELEMETRY_TEST_MODE": mode}
    run_suite(LIVE, *arguments, environ=environ).assert_outcomes(passed=3)
    assert len(shipped(pytester)) == (6 if mode == "live" else 0)


@pytest.mark.parametrize("marker", ["", "@pytest.mark.telemetry(live=True)"])
def test_the_client_of_the_fixtures_obeys_too(
    marker: str, run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    run_suite(f"""
        import pytest

        @pytest.fixture
        def telemetry_settings():
            return {{"active": ["remote"]}}

        {marker}
        def test_it(telemetry_client):
            telemetry_client.capture("asked")
            assert telemetry_client.flush()
    """).assert_outcomes(passed=1)
    assert shipped(pytester) == (["asked"] if marker else [])


def test_do_not_track_wins_over_a_test_that_says_live(
    run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    environ = {"DO_NOT_TRACK": "1"}
    run_suite(LIVE, environ=environ).assert_outcomes(passed=3)
    run_suite(
        """
        import pytest

        @pytest.mark.telemetry(active=["remote"], live=True)
        def test_it(telemetry_client):
            telemetry_client.capture("asked")
            assert telemetry_client.flush()
        """,
        environ=environ,
    ).assert_outcomes(passed=1)
    assert shipped(pytester) == []


def test_a_live_test_that_fails_leaves_the_next_one_safe(
    run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    run_suite("""
        import pytest
        import telemetry_core

        @pytest.fixture
        def broken():
            telemetry_core.capture("in_fixture")
            raise OSError

        @pytest.mark.telemetry(live=True)
        def test_live(broken):
            pass

        def test_after():
            telemetry_core.capture("after")
            assert telemetry_core.flush(10)
    """).assert_outcomes(errors=1, passed=1)
    assert shipped(pytester) == ["in_fixture"]


def test_what_a_program_left_for_a_real_sink_is_not_swallowed_by_the_tests(
    run_suite: RunSuite, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_LINGER", "60")
    crash = "import os, telemetry_core as t; t.capture('left'); os._exit(1)"
    subprocess.run([sys.executable, "-c", crash], check=False)
    run_suite(UNAWARE).assert_outcomes(passed=1)
    assert shipped(pytester) == []
    run_suite(UNAWARE, "-p", "no:telemetry").assert_outcomes(passed=1)
    assert sorted(shipped(pytester)) == ["left", "unasked"]


def test_what_a_test_left_behind_is_never_sent_by_the_program(
    run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    run_suite("""
        import os
        import telemetry_core

        def test_that_forks():
            telemetry_core.capture("parent")
            child = os.fork()
            if not child:
                telemetry_core.capture("child")
                os._exit(0)
            os.waitpid(child, 0)

        def test_that_ends_it_all():
            telemetry_core.capture("last")
            os._exit(3)
    """)
    run_suite(UNAWARE, "-p", "no:telemetry").assert_outcomes(passed=1)
    assert shipped(pytester) == ["unasked"]


def test_the_environment_is_as_it_was_once_the_session_ends(
    alone: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TEST_MODE, " ")
    alone.makepyfile("import os\ndef test_it(): assert os.environ['TELEMETRY_TEST_MODE'] == 'mock'")
    alone.runpytest_inprocess().assert_outcomes(passed=1)
    assert os.environ[TEST_MODE] == " "


def test_a_conftest_that_cannot_be_read_leaves_the_environment_as_it_was(
    alone: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TEST_MODE)
    alone.makeconftest("raise OSError")
    assert alone.runpytest_inprocess().ret == pytest.ExitCode.USAGE_ERROR
    assert TEST_MODE not in os.environ


def test_a_conftest_may_load_the_plugin(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv(TEST_MODE)
    pytester.makeconftest("pytest_plugins = ['pytest_telemetry.plugin']")
    pytester.makepyfile("""
        import os
        def test_it(telemetry_recorder): assert os.environ['TELEMETRY_TEST_MODE'] == 'mock'
    """)
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_without_the_plugin_nothing_of_ours_is_there(run_suite: RunSuite) -> None:
    run_suite(
        """
        import os, sys

        def test_it(request):
            assert "TELEMETRY_TEST_MODE" not in os.environ
            assert not [name for name in sys.modules if name.startswith("pytest_telemetry")]
            assert not request.config.pluginmanager.has_plugin("telemetry")
        """,
        "-p",
        "no:telemetry",
    ).assert_outcomes(passed=1)
