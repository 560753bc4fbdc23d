"""`telemetry ingest test` sends a signed request, stores nothing, and says what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry import IngestServer

from tests.core.cli.terminal import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def fake() -> Iterator[IngestServer]:
    server = IngestServer()
    with server.serving():
        yield server


@pytest.fixture
def type_(fake: IngestServer, tmp_path: Path) -> Callable[..., tuple[int, Any]]:
    """Return what types the command with these settings changed, and gives code and answer."""
    by = fake.development

    def type_it(
        *words: str, environ: dict[str, str] | None = None, **other: str
    ) -> tuple[int, Any]:
        settings = {
            "endpoint": fake.url,
            "org_id": by.org,
            "app_id": by.app,
            "token": by.token,
            "secret": by.secret,
            **other,
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items() if value]
        file = tmp_path / "telemetry.toml"
        file.write_text("\n".join(['base_dir = "here"', "[plugins.hmac_ingest]", *lines]))
        live = {"TELEMETRY_CONFIG": str(file), "TELEMETRY_TEST_MODE": "live", **(environ or {})}
        done = typed(["ingest", "test", *words, "--json"], live, tmp_path)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr.decode()

    return type_it


def test_all_is_well_and_nothing_is_stored(type_: Any, fake: IngestServer) -> None:
    code, told = type_()
    assert (code, told["ok"], told["status"]) == (0, True, 204)
    assert (len(fake.requests), fake.events) == (1, [])


def test_the_event_is_kept_on_request(type_: Any, fake: IngestServer) -> None:
    code, told = type_("--keep")
    assert (code, told["status"]) == (0, 200)
    fake.assert_event("probe", sent_by="telemetry ingest test")


def test_a_server_that_wants_no_bearer_needs_no_token(type_: Any) -> None:
    assert type_(token="")[0] == 0


@pytest.mark.parametrize(
    ("wrong", "status", "remedy"),
    [
        ({"secret": "another"}, 401, "token and secret"),
        ({"token": "tk_another"}, 401, "token and secret"),
        ({"app_id": "another"}, 403, "another organisation or application"),
    ],
)
def test_what_is_wrong_is_explained(
    type_: Any, fake: IngestServer, wrong: dict[str, str], status: int, remedy: str
) -> None:
    code, told = type_(**wrong)
    assert (code, told["ok"], told["status"]) == (1, False, status)
    assert remedy in told["remedy"]
    assert fake.development.secret not in str(told)


def test_a_clock_that_is_wrong_is_told_and_no_obstacle(type_: Any, fake: IngestServer) -> None:
    fake.time.ahead = -4000
    code, told = type_()
    assert code == 0
    assert abs(told["clock_skew_seconds"] + 4000) <= 1


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(404, "no such server"), (429, "used up"), (503, "in trouble"), (418, "no ingestion server")],
)
def test_other_answers_are_explained_too(
    type_: Any, fake: IngestServer, status: int, remedy: str
) -> None:
    fake.fail(status)
    code, told = type_()
    assert (code, told["status"]) == (1, status)
    assert remedy in told["remedy"]


def test_a_server_that_does_not_keep_such_events_is_told_of(type_: Any, fake: IngestServer) -> None:
    fake.refuse(lambda _: True, "unsupported_schema")
    code, told = type_("--keep")
    assert (code, told["message"]) == (1, "unsupported_schema: it is refused on request")


def test_a_server_that_is_not_there(type_: Any, fake: IngestServer) -> None:
    fake.down()
    code, told = type_()
    assert (code, told["status"], told["remedy"]) == (
        1,
        None,
        "is it running, and is endpoint right?",
    )


def test_settings_that_are_missing_are_named(type_: Any) -> None:
    code, said = type_(org_id="")
    assert code == 2
    assert "plugins.hmac_ingest.org_id" in said


@pytest.mark.parametrize("variable", ["DO_NOT_TRACK", "TELEMETRY_DISABLED"])
def test_who_silenced_it_is_told_so(type_: Any, fake: IngestServer, variable: str) -> None:
    code, said = type_(environ={variable: "1"})
    assert (code, fake.requests) == (1, [])
    assert "silence" in said
