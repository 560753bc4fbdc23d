"""The fixtures and fakes as tests of other people write them: type-checked, never run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

from pytest_telemetry import FakeServer, Recorder, Refusal, Request, Response

from telemetry_core import RunEvent, RunRecord

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, HttpServer, PostHogServer, RunsServer, SheetsServer


def the_recorder_gives_what_it_found(telemetry_recorder: Recorder) -> None:
    assert_type(telemetry_recorder.assert_run("crawler", status="success"), RunRecord)
    assert_type(telemetry_recorder.assert_event("page", url="/a"), RunEvent)
    telemetry_recorder.assert_no_event("exception")


def a_fake_misbehaves(telemetry_http_server: HttpServer, telemetry_clock: FakeClock) -> None:
    fault = telemetry_http_server.fail(503, times=3)
    assert_type(fault.count, int)
    telemetry_http_server.reject(lambda value: value["n"] == 2, 422)
    assert_type(telemetry_http_server.wait_for(lambda: telemetry_http_server.received), list[Any])
    telemetry_http_server.clear(fault)
    telemetry_clock.advance(2.5)
    with telemetry_http_server.mounted("https://api.example.com") as url:
        assert_type(url, str)


def a_run_service_is_asked_what_it_has(telemetry_runs_server: RunsServer) -> None:
    telemetry_runs_server.tokens = {"secret"}
    telemetry_runs_server.rate_limit_rpm = 60
    telemetry_runs_server.reference = True
    telemetry_runs_server.refuse(lambda run: run["agent_name"] == "crawler", "constraint", "no")
    assert_type(telemetry_runs_server.runs, dict[str, dict[str, Any]])
    assert_type(telemetry_runs_server.events, list[dict[str, Any]])
    assert_type(telemetry_runs_server.run("r-1"), dict[str, Any])
    assert_type(telemetry_runs_server.assert_run("crawler", status="success"), dict[str, Any])


def posthog_is_asked_what_it_has(telemetry_posthog_server: PostHogServer) -> None:
    telemetry_posthog_server.keys = {"phc_key"}
    telemetry_posthog_server.limits.event = 1000
    telemetry_posthog_server.reject(lambda event: event["event"] == "bought", 503)
    assert_type(telemetry_posthog_server.assert_event("bought", cents=350), dict[str, Any])
    telemetry_posthog_server.assert_no_event("bought", plan="pro")
    assert_type(telemetry_posthog_server.events, list[dict[str, Any]])
    assert_type(telemetry_posthog_server.exceptions, list[dict[str, Any]])
    assert_type([issue.handled for issue in telemetry_posthog_server.issues], list[bool])
    assert_type([batch.sent_at for batch in telemetry_posthog_server.batches], list[str | None])
    assert_type(
        (telemetry_posthog_server.duplicates, telemetry_posthog_server.refusals),
        tuple[int, list[str]],
    )


def a_spreadsheet_is_asked_what_it_has(
    telemetry_sheets_server: SheetsServer, tmp_path: Path
) -> None:
    assert_type(telemetry_sheets_server.service_account(tmp_path / "key.json"), Path)
    assert_type(telemetry_sheets_server.access_token(), str)
    assert_type(telemetry_sheets_server.rows, list[dict[str, Any]])
    assert_type(telemetry_sheets_server.assert_row(status="success"), dict[str, Any])
    telemetry_sheets_server.quota.per_user = 5
    telemetry_sheets_server.role = "reader"
    telemetry_sheets_server.web_app.redirects = True


class Greeter(FakeServer):
    def handle(self, request: Request) -> Response:
        if "name" not in request.query:
            raise Refusal(422, "who are you?")
        return Response.json({"hello": request.query["name"]})
