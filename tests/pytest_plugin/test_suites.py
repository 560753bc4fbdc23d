"""Suites of other people with all that is installed, in a process of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunSuite = Callable[..., pytest.RunResult]

ALL = """
    import httpx
    import telemetry_core

    def test_everything(
        telemetry_client, telemetry_recorder, telemetry_clock, telemetry_http_server, capfd, caplog
    ):
        telemetry_http_server.slow(5, times=1)
        with telemetry_core.track_run("crawler", "nightly") as run:
            run.log_event("page", {"url": "/a"})
            httpx.post(telemetry_http_server.url, json={"n": 1}).raise_for_status()
        assert telemetry_client.flush()
        assert telemetry_recorder.assert_run("crawler", status="success").duration_ms == 5000
        assert len(telemetry_recorder.shipped) == 3
        assert telemetry_http_server.received == [{"n": 1}]
        assert capfd.readouterr() == ("", "")

    def test_in_real_time(telemetry_http_server):
        telemetry_http_server.hang()
        try:
            httpx.post(telemetry_http_server.url, timeout=httpx.Timeout(30, read=0.01))
        except httpx.ReadTimeout:
            pass
        assert telemetry_http_server.wait_for(lambda: telemetry_http_server.requests)
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2"), ("-W", "error", "-s")])
def test_all_fixtures_work_together(arguments: tuple[str, ...], run_suite: RunSuite) -> None:
    result = run_suite(ALL, *arguments)
    result.assert_outcomes(passed=2)
    assert result.stderr.str() == ""


def test_a_suite_may_have_a_client_and_fixtures_of_its_own(
    run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("""
        import pytest
        from pytest_telemetry import Recorder
        from telemetry_core import TelemetryClient

        RECORDER = Recorder()
        CLIENT = TelemetryClient(plugins=[RECORDER])

        @pytest.fixture
        def telemetry_client():
            return CLIENT

        @pytest.fixture
        def telemetry_recorder():
            return RECORDER
    """)
    run_suite("""
        def test_it(telemetry_client, telemetry_recorder):
            telemetry_client.capture("mine")
            telemetry_recorder.assert_event("mine")
            assert "telemetry_clock" not in telemetry_client.__dict__
    """).assert_outcomes(passed=1)


def test_a_smaller_fixture_of_the_suite_reaches_the_client(run_suite: RunSuite) -> None:
    run_suite("""
        import pytest
        from pytest_telemetry import FakeClock

        @pytest.fixture
        def telemetry_clock():
            return FakeClock(start_ns=0)

        def test_it(telemetry_client, telemetry_recorder):
            telemetry_client.capture("long_ago")
            assert telemetry_recorder.assert_event("long_ago").time_ns == 0
    """).assert_outcomes(passed=1)


def test_the_projects_own_configuration_has_no_say(
    run_suite: RunSuite, pytester: pytest.Pytester
) -> None:
    (pytester.path / "telemetry.toml").write_text("active = [")
    run_suite(ALL).assert_outcomes(passed=2)


def test_a_test_that_fails_within_a_run_shows_its_own_failure_alone(run_suite: RunSuite) -> None:
    result = run_suite("""
        import telemetry_core

        def test_it(telemetry_client):
            with telemetry_core.track_run("crawler", "nightly"):
                assert 1 == 2

        def test_afterwards(telemetry_client, telemetry_recorder):
            assert telemetry_recorder.runs == []
            assert telemetry_core.current_run() is None
    """)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["E *assert 1 == 2"])
    result.stdout.no_fnmatch_line("*run_context.py*")


def test_a_child_that_a_test_forks_disturbs_nothing(run_suite: RunSuite) -> None:
    run_suite("""
        import os
        import httpx

        def test_it(telemetry_client, telemetry_recorder, telemetry_http_server):
            telemetry_client.capture("parent")
            child = os.fork()
            if not child:
                telemetry_client.capture("child")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            httpx.post(telemetry_http_server.url, json=1).raise_for_status()
            assert telemetry_client.flush()
            telemetry_recorder.assert_event("parent")
            telemetry_recorder.assert_no_event("child")
            assert telemetry_http_server.received == [1]
    """).assert_outcomes(passed=1)


def test_a_sink_of_ones_own_is_tested_against_a_fake(run_suite: RunSuite) -> None:
    run_suite("""
        import json
        import httpx
        import pytest
        from attrs import define
        from telemetry_core import hookimpl

        @define(eq=False)
        class Webhook:
            url: str
            remote = True

            @hookimpl
            def ship_batch(self, batch):
                records = [record.body.to_dict() for record in batch]
                httpx.post(self.url, json=records).raise_for_status()

        @pytest.fixture
        def client(telemetry_config, telemetry_http_server):
            from telemetry_core import TelemetryClient
            sink = Webhook(telemetry_http_server.url)
            with TelemetryClient(telemetry_config, plugins=[sink]) as client:
                yield client

        @pytest.mark.telemetry(live=True)
        def test_it(client, telemetry_http_server):
            telemetry_http_server.fail(503, times=1)
            client.capture("signed_up")
            telemetry_http_server.wait_for(lambda: telemetry_http_server.requests)
            assert client.flush(30)
            (event,) = telemetry_http_server.received
            assert event["event_type"] == "signed_up"
    """).assert_outcomes(passed=1)
